"""What may be noted of a model: how it is doing, when it ends, what it costs."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct


class NoteHealth(Struct, frozen=True, tag="io.contentops.model.note_health.v1"):
    """See ModelHealthChanged; sent by the process whose breaker changed."""

    provider: str
    model: str
    state: str
    seen_by: str
    until: datetime | None = None
    rate: float = 0.0


class NoteEnding(Struct, frozen=True, tag="io.contentops.model.note_ending.v1"):
    """See ModelEndingAnnounced; `ends` is an ISO date."""

    provider: str
    model: str
    ends: str
    days: int


class NoteUnpriced(Struct, frozen=True, tag="io.contentops.model.note_unpriced.v1"):
    """See ModelUnpriced; `day` is an ISO date."""

    provider: str
    model: str
    day: str


ModelCommand: TypeAlias = NoteHealth | NoteEnding | NoteUnpriced
