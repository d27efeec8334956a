"""The live hub against a database that commits when the test says so.

Whatever is lost, cut or asked for again: a reader that comes back with the last id it
was sent has every change of its tenant once, and those of nobody else.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TypeAlias, TypeVar, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message as Sent

from api import positions
from api.callers import Callers, Principal
from api.channel import Change, Entry
from api.gate import Gate
from api.limits import Limits
from api.live import Hub
from api.parts import Edge, Parts, Vector
from api.problems import Problem
from api.streams import EventStream
from streams.decisions import Place

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PLACES: tuple[Place, ...] = (("a", 0), ("a", 1), ("b", 0))
ACME = Principal("acme", "lin", "admin", "digest")
Got: TypeAlias = list[tuple[str, int, int]]
T = TypeVar("T")


class FakeFeed:
    """Rows of a place become visible in the order of the log, as with one projector."""

    def __init__(self, delays: Sequence[int] = (1,)) -> None:
        self.rows: list[Change] = []
        self._delays = cycle(delays)
        self.arrives = asyncio.Event()
        self.arrives.set()

    def commit(self, tenant: str, place: Place, count: int = 1) -> None:
        for _ in range(count):
            offset = 1 + max(
                (r.offset for r in self.rows if r.place == place), default=-1
            )
            text = json.dumps([*place, offset])
            self.rows.append(Change(tenant, place, offset, text))

    async def newest(self, tenant: str) -> Vector:
        return await self._answered(
            self._last([r for r in self.rows if r.tenant == tenant])
        )

    async def heads(self) -> Vector:
        return await self._answered(dict.fromkeys(PLACES, -1) | self._last(self.rows))

    async def after(self, tenant: str, seen: Vector, most: int) -> list[Change]:
        found = [r for r in self._news(seen) if r.tenant == tenant]
        return await self._answered(
            sorted(found, key=lambda r: (r.place, r.offset))[:most]
        )

    async def news(self, head: Vector, most: int) -> list[Change]:
        news = self._news(head)
        await asyncio.sleep(0)
        return [
            row for at in PLACES for row in [n for n in news if n.place == at][:most]
        ]

    def _news(self, seen: Vector) -> list[Change]:
        return [row for row in self.rows if row.offset > seen.get(row.place, -1)]

    async def _answered(self, found: T) -> T:
        """An answer is on its way for a while, and old when it arrives."""
        for _ in range(next(self._delays)):
            await asyncio.sleep(0)
        await self.arrives.wait()
        return found

    def _last(self, rows: list[Change]) -> Vector:
        found: Vector = {}
        for row in rows:
            found[row.place] = max(found.get(row.place, -1), row.offset)
        return found

    def of(self, tenant: str) -> Got:
        return [
            (r.place[0], r.place[1], r.offset) for r in self.rows if r.tenant == tenant
        ]


class FakeCallers:
    """Everybody's key is good until it is taken away."""

    revoked = False

    async def find(self, digest: str) -> Principal | None:
        return None if self.revoked else ACME


class Stage:
    def __init__(self, delays: Sequence[int] = (1,), **limits: float) -> None:
        nothing = cast("None", None)
        self.feed = FakeFeed(delays)
        self.callers = FakeCallers()
        self.now = NOW
        gate = Gate(Limits(**limits))  # type: ignore[arg-type]  # numbers all
        parts = Parts(
            pool=nothing,  # type: ignore[arg-type]  # the feed stands in for it
            log=nothing,  # type: ignore[arg-type]  # nothing is written here
            decisions=nothing,  # type: ignore[arg-type]  # nor decided
            keyring=nothing,  # type: ignore[arg-type]  # nor opened
            storage=nothing,  # type: ignore[arg-type]  # nor kept
            gateway=nothing,  # type: ignore[arg-type]  # nor asked
            platforms=nothing,  # type: ignore[arg-type]  # nor published
            analytics=nothing,  # type: ignore[arg-type]  # nor counted
            search=nothing,  # type: ignore[arg-type]  # nor searched
            clock=lambda: self.now,
            edge=Edge(public_url="http://edge", link_key=b"k"),
            gate=gate,
        )
        self._parts = parts
        self.hub = Hub(parts, cast("Callers", self.callers), self.feed)

    def restart(self) -> None:
        """Another process: it knows nothing but the rows."""
        self.hub = Hub(self._parts, cast("Callers", self.callers), self.feed)

    async def announce(self) -> None:
        """As if the projector had said so and the hub had heard it."""
        await self.hub.read_news()


class Browser:
    """Keeps the last id and what it got, across any number of streams."""

    def __init__(self, stage: Stage, who: Principal = ACME) -> None:
        self.stage = stage
        self.who = who
        self.last = ""
        self.since: Vector = {}
        self.got: Got = []
        self.events: list[str] = []
        self._reading: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._reading = asyncio.create_task(self._read())

    async def connect(self) -> None:
        self.begin()
        await settle()

    async def leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None

    async def _read(self) -> None:
        async with self.stage.hub.following(self.who) as stream:
            async for entries in self.stage.hub.batches(stream, self.last):
                for entry in entries:
                    self._take(entry)

    def _take(self, entry: Entry) -> None:
        message = entry.message
        self.events.append(message.event)
        if message.event == "hello":
            self.since = positions.decode(message.id).places
        self.last = message.id or self.last
        if message.event == "change":
            topic, partition, offset = json.loads(message.text)
            self.got.append((topic, partition, offset))


async def settle() -> None:
    for _ in range(120):
        await asyncio.sleep(0)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("commit"),
            st.sampled_from(["acme", "acme", "other"]),
            st.sampled_from(PLACES),
        ),
        st.tuples(st.sampled_from(["announce", "announce", "restart"])),
        st.tuples(
            st.sampled_from(["connect", "leave"]), st.sampled_from(["browser", "other"])
        ),
        st.tuples(st.just("while"), st.integers(1, 30)),
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    steps=STEPS,
    ring=st.integers(1, 12),
    delays=st.lists(st.integers(0, 6), min_size=1, max_size=8),
)
def test_random_disconnects_leave_no_gap_and_no_double(
    steps: list[tuple[object, ...]], ring: int, delays: list[int]
) -> None:
    asyncio.run(_history(steps, Stage(delays, ring=ring)))


async def _history(  # noqa: C901  one case for each kind of step
    steps: list[tuple[object, ...]], stage: Stage
) -> None:
    browser, other = Browser(stage), Browser(stage, Principal("other", "o", "viewer"))
    readers = {"browser": browser, "other": other}
    told = set()
    browser.begin()
    for step in steps:
        match step:
            case ("commit", str() as tenant, tuple() as place):
                stage.feed.commit(tenant, cast("Place", place))
            case ("announce",):
                told.add(asyncio.create_task(stage.announce()))
            case ("leave", str() as who):
                await readers[who].leave()
            case ("connect", str() as who):
                await readers[who].leave()
                readers[who].begin()
            case ("while", int() as turns):
                for _ in range(turns):
                    await asyncio.sleep(0)
            case _:
                await browser.leave()
                await other.leave()
                await asyncio.gather(*told)
                stage.restart()
    await asyncio.gather(*told)
    await browser.leave()
    await browser.connect()
    await stage.announce()
    await settle()
    await browser.leave()
    await other.leave()
    owed = [
        (topic, partition, offset)
        for topic, partition, offset in stage.feed.of("acme")
        if offset > browser.since.get((topic, partition), -1)
    ]
    assert sorted(browser.got) == sorted(owed)
    for place in PLACES:
        offsets = [got[2] for got in browser.got if got[:2] == place]
        assert offsets == sorted(offsets)


async def test_what_comes_while_an_answer_is_on_its_way_is_not_missed() -> None:
    stage = Stage()
    stays, comes = Browser(stage), Browser(stage)
    await stays.connect()
    comes.last = stays.last
    stage.feed.arrives.clear()
    await comes.connect()
    stage.feed.commit("acme", PLACES[0])
    await stage.announce()

    stage.feed.arrives.set()
    await settle()

    assert comes.got == stays.got == [("a", 0, 0)]
    await comes.leave()
    await stays.leave()


async def test_what_comes_while_a_channel_opens_is_not_missed() -> None:
    stage = Stage()
    other, comes = Browser(stage, Principal("other", "o", "viewer")), Browser(stage)
    await other.connect()
    stage.feed.arrives.clear()
    await comes.connect()
    stage.feed.commit("acme", PLACES[0])
    await stage.announce()

    stage.feed.arrives.set()
    await settle()

    # It came before the stream said hello, so the first id covers it.
    assert positions.decode(comes.last).places == {PLACES[0]: 0}
    assert (comes.events, other.got) == (["hello"], [])
    await comes.leave()
    await other.leave()


async def test_who_has_seen_more_than_the_hub_is_not_told_it_again() -> None:
    stage = Stage()
    stays, comes = Browser(stage), Browser(stage)
    await stays.connect()
    comes.last = stays.last
    stage.feed.commit("acme", PLACES[0])
    await comes.connect()
    assert (comes.got, stays.got) == ([("a", 0, 0)], [])

    stage.feed.commit("acme", PLACES[2])
    await stage.announce()
    await settle()

    assert comes.got == [("a", 0, 0), ("b", 0, 0)]
    assert positions.decode(comes.last).places == {PLACES[0]: 0, PLACES[2]: 0}
    await comes.leave()
    await stays.leave()


async def test_what_is_new_is_read_once_for_all_streams() -> None:
    stage = Stage()
    asked = 0
    news = stage.feed.news

    async def counted(head: Vector, most: int) -> list[Change]:
        nonlocal asked
        asked += 1
        return await news(head, most)

    stage.feed.news = counted  # type: ignore[method-assign]  # counts and passes on
    browsers = [Browser(stage) for _ in range(50)]
    for browser in browsers:
        await browser.connect()
    stage.feed.commit("acme", PLACES[0])

    await stage.announce()
    await settle()

    assert asked == 1
    assert all(each.got == [("a", 0, 0)] for each in browsers)
    for browser in browsers:
        await browser.leave()
    assert stage.hub.streams == 0


async def test_an_id_older_than_the_backlog_is_a_reset() -> None:
    stage = Stage()
    stage.feed.commit("acme", PLACES[0], 3)
    old, young = Browser(stage), Browser(stage)
    old.last = positions.encode({PLACES[0]: 0}, NOW - timedelta(days=7, minutes=1))
    young.last = positions.encode({PLACES[0]: 0}, NOW - timedelta(days=6))

    await old.connect()
    await young.connect()

    assert (old.events, old.got) == (["reset"], [])
    assert young.events == ["resumed", "change", "change"]
    await old.leave()
    await young.leave()


async def test_no_more_streams_than_allowed_for_one_and_for_all() -> None:
    stage = Stage(streams=3, streams_per_tenant=2)
    browsers = [Browser(stage), Browser(stage)]
    for browser in browsers:
        await browser.connect()

    assert await refused(stage, ACME) == "5"
    third = Browser(stage, Principal("other", "o", "admin"))
    await third.connect()
    assert await refused(stage, Principal("third", "t", "admin")) == "5"
    await third.leave()
    await browsers.pop().leave()
    async with stage.hub.following(ACME):
        assert stage.hub.streams == 2
    await browsers.pop().leave()


async def refused(stage: Stage, who: Principal) -> str:
    with pytest.raises(Problem) as no:
        async with stage.hub.following(who):
            raise AssertionError
    assert no.value.status == 503
    return no.value.headers["Retry-After"]


async def test_a_revoked_key_ends_its_streams() -> None:
    stage = Stage()
    browser = Browser(stage)
    await browser.connect()
    stage.callers.revoked = True

    await stage.hub.check_keys()
    await settle()

    assert browser.events == ["hello", "revoked"]
    assert stage.hub.streams == 0


class Socket:
    """A browser's end of a connection that reads when it is told to."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = asyncio.Event()
        self.body = b""

    async def receive(self) -> Sent:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Sent) -> None:
        await self.reads.wait()
        self.body += message.get("body", b"")

    def events(self) -> list[str]:
        lines = self.body.decode().splitlines()
        return [each[7:] for each in lines if each.startswith("event: ")]

    def last_id(self) -> str:
        lines = self.body.decode().splitlines()
        return [each[4:] for each in lines if each.startswith("id: ")][-1]


async def test_a_slow_reader_is_cut_off_where_it_can_go_on() -> None:
    stage = Stage(ring=5)
    socket = Socket()
    answer = EventStream(stage.hub, ACME, "", stall_s=60)
    serving = asyncio.create_task(answer({}, socket.receive, socket.send))
    await settle()
    stage.feed.commit("acme", PLACES[0])
    await stage.announce()
    await settle()
    socket.reads.clear()
    for _ in range(9):
        stage.feed.commit("acme", PLACES[1])
        await stage.announce()
        await settle()

    socket.reads.set()
    await serving

    assert socket.events()[:2] == ["hello", "change"]
    assert socket.events()[-1] == "cut"
    again = Browser(stage)
    again.last = socket.last_id()
    await again.connect()
    missed = 10 - socket.events().count("change")
    assert missed > 0
    assert len(again.got) == missed
    assert again.got[-1] == ("a", 1, 8)
    await again.leave()


async def test_who_reads_nothing_at_all_loses_its_place_after_a_while() -> None:
    stage = Stage()
    socket = Socket()
    answer = EventStream(stage.hub, ACME, "", stall_s=0.05)
    serving = asyncio.create_task(answer({}, socket.receive, socket.send))
    await settle()
    socket.reads.clear()
    stage.feed.commit("acme", PLACES[0])

    await stage.announce()
    await asyncio.wait_for(serving, 5)

    assert stage.hub.streams == 0


async def test_a_browser_that_goes_leaves_nothing_behind() -> None:
    stage = Stage()
    socket = Socket()
    answer = EventStream(stage.hub, ACME, "", stall_s=5)
    serving = asyncio.create_task(answer({}, socket.receive, socket.send))
    await settle()

    socket.gone.set()
    await asyncio.wait_for(serving, 5)

    assert stage.hub.streams == 0


async def test_the_end_of_the_process_tells_every_stream_its_position() -> None:
    stage = Stage()
    browser = Browser(stage)
    await browser.connect()
    stage.feed.commit("acme", PLACES[0])
    await stage.announce()
    await settle()

    stage.hub.end_all()
    await settle()

    assert browser.events == ["hello", "change", "end"]
    assert positions.decode(browser.last).places == {PLACES[0]: 0}
    with pytest.raises(Problem):
        async with stage.hub.following(ACME):
            raise AssertionError
