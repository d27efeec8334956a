"""What a gateway saw of its models, on the log: breakers, ends, missing prices."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from ai_adapter.base import BreakerChanged, Fact, ModelEnding, PriceUnknown
from schemas.clock import utc_now
from schemas.commands.model import ModelCommand, NoteEnding, NoteHealth, NoteUnpriced
from schemas.envelope import Record, command
from schemas.ids import derived, model_id
from schemas.registry import Data
from streams.log import Appended, NotAcknowledged

INSTALLATION = "@installation"
"""Whom facts belong to that are of no tenant; no tenant has such a name."""
MOST_WAITING = 1_000
_log = structlog.get_logger("ai")


class Appends(Protocol):
    """The log as far as notes need it."""

    async def append(self, record: Record[Data]) -> Appended: ...


class Notes:
    """`tell` is as quick as a gateway needs it; what cannot be told soon is dropped."""

    def __init__(self, log: Appends, seen_by: str) -> None:
        self._log = log
        self._seen_by = seen_by
        self._waiting: asyncio.Queue[ModelCommand] = asyncio.Queue(MOST_WAITING)
        self._unpriced: OrderedDict[NoteUnpriced, None] = OrderedDict()

    def tell(self, fact: Fact) -> None:
        """Other facts than these three are not heeded."""
        note = self._note(fact)
        if note is not None:
            with suppress(asyncio.QueueFull):
                self._waiting.put_nowait(note)

    async def keep_writing(self) -> None:
        """Until cancelled; what the log does not take is said to the operator."""
        while True:
            note = await self._waiting.get()
            try:
                await self._log.append(self._record(note))
            except NotAcknowledged:
                named = f"{note.provider}/{note.model}"
                _log.warning("model not noted", action="go_on", model=named)

    def _note(self, fact: Fact) -> ModelCommand | None:
        match fact:
            case BreakerChanged():
                return NoteHealth(
                    fact.provider,
                    fact.model,
                    fact.state,
                    self._seen_by,
                    fact.until,
                    fact.rate,
                )
            case ModelEnding():
                return NoteEnding(
                    fact.provider, fact.model, fact.ends.isoformat(), fact.days
                )
            case PriceUnknown():
                day = fact.at.date().isoformat()
                return self._first(NoteUnpriced(fact.provider, fact.model_name, day))
            case _:
                return None

    def _first(self, note: NoteUnpriced) -> NoteUnpriced | None:
        """Each call without a price tells so; the log hears of it once a day."""
        if note in self._unpriced:
            return None
        self._unpriced[note] = None
        if len(self._unpriced) > MOST_WAITING:
            self._unpriced.popitem(last=False)
        return note

    def _record(self, note: ModelCommand) -> Record[Data]:
        now = utc_now()
        aggregate_id = model_id(note.provider, note.model)
        return command(
            note,
            tenant=INSTALLATION,
            aggregate_id=aggregate_id,
            id=derived("note", aggregate_id, self._seen_by, now.isoformat()),
            time=now,
            auth_id="gateway",
        )


@asynccontextmanager
async def noting(log: Appends, seen_by: str) -> AsyncIterator[Notes]:
    """Writes in the background for as long as the block is open."""
    notes = Notes(log, seen_by)
    writing = asyncio.create_task(notes.keep_writing())
    try:
        yield notes
    finally:
        writing.cancel()
