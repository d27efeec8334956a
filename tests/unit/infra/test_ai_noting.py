"""What a gateway saw reaches the log, in order and from nobody in particular."""

import asyncio
from datetime import UTC, date, datetime

from ai_adapter.base import BreakerChanged, ModelEnding, PriceUnknown
from infra.ai_noting import INSTALLATION, MOST_WAITING, Notes, noting
from schemas.commands.model import NoteEnding, NoteHealth, NoteUnpriced
from schemas.envelope import Record
from schemas.registry import Data
from streams.log import Appended, NotAcknowledged

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
OPENED = BreakerChanged("deepseek", "flash", "open", AT, AT, 0.6)
ENDING = ModelEnding("openai", "mini", date(2027, 1, 14), 30)


class Log:
    """Keeps what it is given; the first record may be turned away."""

    def __init__(self, *, away: bool = False, most: int = 2) -> None:
        self._most = most
        self.records: list[Record[Data]] = []
        self.full = asyncio.Event()
        self._away = away

    async def append(self, record: Record[Data]) -> Appended:
        if self._away:
            self._away = False
            raise NotAcknowledged("away")
        self.records.append(record)
        if len(self.records) == self._most:
            self.full.set()
        return Appended("t", 0, len(self.records))


async def test_changes_and_ends_are_wished_of_the_installation() -> None:
    log = Log(most=3)
    async with noting(log, "w/1") as notes, asyncio.timeout(5):
        unpriced = PriceUnknown("p", "m", "t", AT)
        for fact in (OPENED, unpriced, unpriced, ENDING):
            notes.tell(fact)
        await log.full.wait()

    assert [record.data for record in log.records] == [
        NoteHealth("deepseek", "flash", "open", "w/1", AT, 0.6),
        NoteUnpriced("p", "m", AT.date().isoformat()),
        NoteEnding("openai", "mini", "2027-01-14", 30),
    ]
    assert {record.envelope.tenant for record in log.records} == {INSTALLATION}


async def test_a_log_that_is_away_costs_one_note_and_not_the_others() -> None:
    log = Log(away=True)
    async with noting(log, "w/1") as notes, asyncio.timeout(5):
        for fact in (OPENED, ENDING, OPENED):
            notes.tell(fact)
        await log.full.wait()

    assert len(log.records) == 2


async def test_more_than_can_wait_is_dropped_and_never_raises() -> None:
    notes = Notes(Log(), "w/1")

    for _ in range(MOST_WAITING + 10):
        notes.tell(OPENED)

    assert notes._waiting.qsize() == MOST_WAITING
