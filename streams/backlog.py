"""How many commands wait for their decision and how long, family by family.

Sampled once a second, from the ends of the command topics and the highest decided
command any reader has seen. A repeated command leaves no record, so a tail of
repetitions looks undecided for ever: where nothing moves, the tail is looked at.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import TypeAlias

import psycopg
import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct
from psycopg_pool import PoolTimeout

from schemas.envelope import Malformed, read_headers
from schemas.topics import FAMILIES
from streams.decisions import Decision, Place
from streams.pools import Pool

log = structlog.get_logger()

Look: TypeAlias = Callable[[str, list[str]], Awaitable[list[Decision]]]

SAMPLE_S = 1.0
STALLED_S = 2.0
KAFKA_S = 5.0
PEEK = 200
REMEMBER = 600
LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the library's own
FAMILY_OF_TOPIC = {each.commands.name: each.name for each in FAMILIES}
DECIDED = """
SELECT replace(topic, '.events.v1', '.commands.v1'), partition, max(command_offset)
FROM coordination.positions WHERE command_offset >= 0 GROUP BY 1, 2
"""


class Load(Struct, frozen=True):
    """`lag_s`: for how many seconds the oldest undecided command has waited."""

    undecided: int = 0
    lag_s: float = 0.0


NOTHING = Load()


class Waiting:
    """One command partition over time; `first` is its oldest undecided offset."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int]] = deque(maxlen=REMEMBER)
        self.first = 0
        self.end = 0

    def note(self, now: float, end: int, decided: int) -> None:
        """`decided` is the next offset to decide, as far as anybody knows."""
        self.end = end
        if not self._ends or self._ends[-1][1] < end:
            self._ends.append((now, end))
        self.skip(decided)

    def skip(self, first: int) -> None:
        """Everything below `first` has its answer."""
        self.first = max(self.first, first)
        while self._ends and self._ends[0][1] <= self.first:
            self._ends.popleft()

    def load(self, now: float) -> Load:
        if self.first >= self.end or not self._ends:
            return NOTHING
        return Load(self.end - self.first, now - self._ends[0][0])


class Backlog:
    """One task per process; `of` answers from the last sample."""

    def __init__(self, bootstrap: str, pool: Pool, look: Look) -> None:
        self._pool = pool
        self._look = look
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._peeker = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "contentops.backlog",
                "enable.auto.commit": False,
            }
        )
        self._places: dict[Place, Waiting] = {}
        self._loads: dict[str, Load] = {}
        self._task: asyncio.Task[None] | None = None

    def of(self, family: str) -> Load:
        return self._loads.get(family, NOTHING)

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="backlog")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._peeker.close)

    async def _run(self) -> None:
        while True:
            try:
                await self.sample()
            except (KafkaException, psycopg.Error, PoolTimeout) as wrong:
                # The last loads stay: better refused once too often than flooded.
                log.warning("no sample", action="backlog", reason=str(wrong)[:200])
            await asyncio.sleep(SAMPLE_S)

    async def sample(self) -> None:
        decided = await self._decided()
        ends = await asyncio.to_thread(self._ends)
        now = monotonic()
        for place, end in ends.items():
            waiting = self._places.setdefault(place, Waiting())
            waiting.note(now, end, decided.get(place, -1) + 1)
            if waiting.load(now).lag_s >= STALLED_S:
                waiting.skip(await self._first_undecided(place, waiting))
        self._loads = _by_family(self._places, now)

    async def _decided(self) -> dict[Place, int]:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(DECIDED)).fetchall()
        return {(str(row[0]), int(row[1])): int(row[2]) for row in rows}

    def _ends(self) -> dict[Place, int]:
        known = self._admin.list_topics(timeout=KAFKA_S).topics
        wanted = {
            TopicPartition(topic, number): LATEST
            for topic in FAMILY_OF_TOPIC
            if topic in known
            for number in known[topic].partitions
        }
        found = self._admin.list_offsets(wanted, request_timeout=KAFKA_S)
        return {
            (place.topic, place.partition): int(each.result(KAFKA_S).offset)
            for place, each in found.items()
        }

    async def _first_undecided(self, place: Place, waiting: Waiting) -> int:
        """The first offset whose command has no answer; `first` where it has none."""
        found = await asyncio.to_thread(self._peek, place, waiting.first)
        for offset, tenant, command_id in found:
            if command_id and not await self._look(tenant, [command_id]):
                return offset
        return found[-1][0] + 1 if found else waiting.first

    def _peek(self, place: Place, first: int) -> list[tuple[int, str, str]]:
        self._peeker.assign([TopicPartition(*place, first)])
        found = []
        for message in self._peeker.consume(PEEK, timeout=0.5):
            if message.error() is None:
                offset = message.offset() or 0
                found.append((offset, *_whose(message)))
        self._peeker.unassign()
        return found


def _whose(message: Message) -> tuple[str, str]:
    """Tenant and command id; nobody waits for a command that has none."""
    found = message.headers() or []
    try:
        envelope = read_headers(found.items() if isinstance(found, dict) else found)
    except Malformed:
        return "", ""
    return envelope.tenant, envelope.id


def _by_family(places: Mapping[Place, Waiting], now: float) -> dict[str, Load]:
    """Commands of all partitions, and the longest wait of any."""
    found: dict[str, Load] = {}
    for (topic, _), waiting in places.items():
        name = FAMILY_OF_TOPIC[topic]
        one, all_ = waiting.load(now), found.get(name, NOTHING)
        found[name] = Load(all_.undecided + one.undecided, max(all_.lag_s, one.lag_s))
    return found
