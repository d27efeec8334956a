"""Rules of a model: what a process noted of its health and its end, each once."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.model import ModelCommand, NoteEnding, NoteHealth, NoteUnpriced
from schemas.events.model import (
    ModelEndingAnnounced,
    ModelEvent,
    ModelHealthChanged,
    ModelUnpriced,
)
from streams.domain.rejected import Rejected

STATES = ("closed", "open", "half_open")
MOST_PROCESSES = 100
"""Of so many the last state is remembered; the eldest is forgotten."""


class Model(Struct, frozen=True):
    """Last states by process, the tightest notice of its end, its last day unpriced."""

    states: dict[str, str] = {}
    ends: str = ""
    days: int = 0
    unpriced: str = ""


initial = Model()


def decide(command: ModelCommand, model: Model) -> ModelEvent | None:
    match command:
        case NoteHealth():
            return _health(command, model)
        case NoteEnding():
            known = model.ends == command.ends and model.days <= command.days
            return None if known else _ending(command)
        case NoteUnpriced(provider=provider, model=name, day=day):
            known = model.unpriced >= day
            return None if known else ModelUnpriced(provider, name, day)
        case _:
            assert_never(command)


def _health(command: NoteHealth, model: Model) -> ModelHealthChanged | None:
    if command.state not in STATES:
        raise Rejected(
            "invalid", "state_unknown", f"Use one of {STATES}.", pointer="/state"
        )
    if model.states.get(command.seen_by, "closed") == command.state:
        return None
    return ModelHealthChanged(
        command.provider,
        command.model,
        command.state,
        command.seen_by,
        command.until,
        command.rate,
    )


def _ending(command: NoteEnding) -> ModelEndingAnnounced:
    return ModelEndingAnnounced(
        command.provider, command.model, command.ends, command.days
    )


def evolve(model: Model, event: ModelEvent) -> Model:
    match event:
        case ModelHealthChanged(seen_by=seen_by, state=state):
            others = {k: v for k, v in model.states.items() if k != seen_by}
            kept = dict(list(others.items())[1 - MOST_PROCESSES :])
            return replace(model, states={**kept, seen_by: state})
        case ModelEndingAnnounced(ends=ends, days=days):
            return replace(model, ends=ends, days=days)
        case ModelUnpriced(day=day):
            return replace(model, unpriced=day)
        case _:
            assert_never(event)
