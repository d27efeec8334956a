"""What may have happened to a model of a provider, as our processes saw it."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct


class ModelHealthChanged(
    Struct, frozen=True, tag="io.contentops.model.health_changed.v1"
):
    """A breaker of one process is `closed`, `open` or `half_open` from now on.

    `until` is the earliest time of a probe, `rate` the share of failures within the
    window, `seen_by` the process. Belongs to the installation, not to a tenant.
    """

    provider: str
    model: str
    state: str
    seen_by: str
    until: datetime | None = None
    rate: float = 0.0


class ModelEndingAnnounced(
    Struct, frozen=True, tag="io.contentops.model.ending_announced.v1"
):
    """`days` before the ISO date it `ends`; told once for each notice."""

    provider: str
    model: str
    ends: str
    days: int


class ModelUnpriced(Struct, frozen=True, tag="io.contentops.model.unpriced.v1"):
    """It answered under a name that has no price; told once on each ISO `day`."""

    provider: str
    model: str
    day: str


ModelEvent: TypeAlias = ModelHealthChanged | ModelEndingAnnounced | ModelUnpriced
