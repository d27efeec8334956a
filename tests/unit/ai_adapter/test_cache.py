"""The cache: whose answers, for how long, once for many, and never in the way."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_adapter.base import Answer, Attempt, Judged, Media, Output, Usage, Verdict
from ai_adapter.cache import (
    FRESH,
    REMEMBERED,
    STALE,
    Away,
    Cache,
    Kept,
    Memory,
    Place,
)
from ai_adapter.errors import Refused
from ai_adapter.kept_answers import packed, size_of, unpacked

START = datetime(2026, 11, 23, 2, tzinfo=UTC)
USAGE = Usage(10, 5, Decimal("0.1"), "CNY")


def answer(text: Output = "x", **changes: object) -> Answer:
    plain = Answer(text, USAGE, "p", "m", 5, False, "r", "h", "v")
    return replace(plain, **changes)


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Shared:
    """The store in memory, with the same promises; `away` is a lost connection."""

    clock: Clock
    rows: dict[Place, Kept] = field(default_factory=dict)
    claims: dict[Place, datetime] = field(default_factory=dict)
    away: bool = False

    def _there(self) -> None:
        if self.away:
            raise Away("lost")

    async def get(self, place: Place) -> Kept | None:
        self._there()
        return self.rows.get(place)

    async def put(self, place: Place, kept: Kept) -> None:
        self._there()
        self.rows[place] = kept
        self.claims.pop(place, None)

    async def claim(self, place: Place, span: timedelta) -> bool:
        self._there()
        now, row = self.clock(), self.rows.get(place)
        if self.claims.get(place, START - STALE) > now:
            return False
        if row is not None and row.at > now - FRESH:
            return False
        self.claims[place] = now + span
        return True

    async def release(self, place: Place) -> None:
        self._there()
        self.claims.pop(place, None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Shared:
    return Shared(clock)


@pytest.fixture
def cache(store: Shared, clock: Clock) -> Cache:
    return Cache(store, now=clock)


SCOPES = st.sampled_from(["acme", "other", "@shared", "", "acme|k", "ac"])
KEYS = st.sampled_from(["k", "k2", "|k", ""])
STEPS = st.lists(
    st.tuples(st.sampled_from(["keep", "kept", "stale", "once"]), SCOPES, KEYS),
    max_size=60,
)


@given(steps=STEPS, entries=st.integers(1, 4), again=st.booleans())
async def test_the_caches_of_tenants_never_cross(
    steps: list[tuple[str, str, str]], entries: int, again: bool
) -> None:
    clock = Clock()
    store = Shared(clock)
    caches = [Cache(store, now=clock, memory=Memory(entries)) for _ in range(2)]

    async def make(scope: str) -> Answer:
        return answer(scope, prompt_hash=scope)

    for number, (what, scope, key) in enumerate(steps):
        one = caches[number % 2 if again else 0]
        if what == "keep":
            await one.keep(key, scope, await make(scope))
        elif what == "once":
            found = await one.once(key, scope, lambda scope=scope: make(scope))
            assert found.output == scope
        else:
            found = await getattr(one, what)(key, scope)
            assert found is None or found.output == scope


async def test_an_answer_is_fresh_for_a_day_and_stale_for_a_week(
    cache: Cache, clock: Clock
) -> None:
    await cache.keep("k", "t", answer())
    assert await cache.kept("k", "t") == answer()

    clock.at += FRESH
    assert await cache.kept("k", "t") is None
    assert await cache.stale("k", "t") == answer()

    clock.at = START + STALE
    assert await cache.stale("k", "t") is None


async def test_a_purge_reaches_every_process_within_half_a_minute(
    store: Shared, clock: Clock
) -> None:
    one, other = Cache(store, now=clock), Cache(store, now=clock)
    await one.keep("k", "t", answer())
    assert await other.kept("k", "t") is not None
    store.rows.clear()
    clock.at += REMEMBERED

    assert await one.kept("k", "t") is None
    assert await other.kept("k", "t") is None


async def test_one_of_many_asks_and_all_get_its_answer(cache: Cache) -> None:
    made = 0

    async def make() -> Answer:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return answer(f"{made}")

    found = await asyncio.gather(*(cache.once("k", "t", make) for _ in range(50)))

    assert made == 1
    assert {each.output for each in found} == {"1"}
    assert (await cache.once("k", "t", make)).output == "2"


async def test_all_who_wait_get_the_refusal_too(cache: Cache) -> None:
    asked = asyncio.Event()

    async def make() -> Answer:
        await asked.wait()
        raise Refused("content_policy", "no")

    waiting = [asyncio.ensure_future(cache.once("k", "t", make)) for _ in range(3)]
    await asyncio.sleep(0)
    asked.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(each) for each in found] == [Refused] * 3


async def test_where_the_one_who_asks_is_given_up_another_asks(cache: Cache) -> None:
    begun, made = asyncio.Event(), 0

    async def make() -> Answer:
        nonlocal made
        made += 1
        if made == 1:
            begun.set()
            await asyncio.Event().wait()
        await cache.keep("k", "t", answer("second"))
        return answer("second")

    first = asyncio.ensure_future(cache.once("k", "t", make))
    await begun.wait()
    others = [asyncio.ensure_future(cache.once("k", "t", make)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()

    assert {each.output for each in await asyncio.gather(*others)} == {"second"}
    assert made == 2


async def test_one_who_waits_and_is_given_up_ends_nobody_else(cache: Cache) -> None:
    asked = asyncio.Event()

    async def make() -> Answer:
        await asked.wait()
        return answer()

    first = asyncio.ensure_future(cache.once("k", "t", make))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(cache.once("k", "t", make))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    asked.set()

    assert await first == answer()


async def test_another_process_is_waited_for_and_its_answer_taken(
    store: Shared, clock: Clock
) -> None:
    one, other = Cache(store, now=clock), Cache(store, now=clock)
    asked = asyncio.Event()

    async def slow() -> Answer:
        await asked.wait()
        await one.keep("k", "t", answer("of one"))
        return answer("of one")

    async def never() -> Answer:
        raise AssertionError("asked twice")

    first = asyncio.ensure_future(one.once("k", "t", slow))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(other.once("k", "t", never))
    await asyncio.sleep(0)
    asked.set()

    assert (await first).output == (await second).output == "of one"


async def test_a_process_that_never_ends_is_not_waited_for_long(
    store: Shared, clock: Clock
) -> None:
    store.claims[("t", "k")] = START + FRESH
    impatient = Cache(store, now=clock, patience=timedelta(0))

    assert await impatient.once("k", "t", make_plain) == answer()


async def test_a_claim_ends_with_the_call_also_where_nothing_is_kept(
    cache: Cache, store: Shared
) -> None:
    await cache.once("k", "t", make_plain)

    assert store.claims == {}


async def make_plain() -> Answer:
    return answer()


@pytest.mark.parametrize("when", ["look", "ask", "release"])
async def test_a_store_that_is_away_costs_its_hits_and_nothing_else(
    cache: Cache, store: Shared, when: str
) -> None:
    async def make() -> Answer:
        store.away = True
        return answer()

    store.away = when != "release"

    assert await cache.kept("k", "t") is None
    assert await cache.stale("k", "t") is None
    assert await cache.once("k", "t", make) == answer()
    await cache.keep("k", "t", answer("kept"))
    assert await cache.kept("k", "t") == answer("kept")


async def test_without_a_store_answers_are_kept_in_the_process(clock: Clock) -> None:
    alone = Cache(now=clock)
    await alone.keep("k", "t", answer())
    clock.at += FRESH - timedelta(seconds=1)

    assert await alone.kept("k", "t") == answer()
    assert await alone.once("k", "t", make_plain) == answer()


async def test_memory_is_bounded_by_entries_and_by_bytes() -> None:
    few = Memory(entries=2)
    for number in range(3):
        few.put(("t", str(number)), Kept(answer(), START), START + FRESH)
    assert len(few) == 2
    assert few.get(("t", "0"), START) is None

    small = Memory(size=3 * size_of(answer("y" * 100)))
    for number in range(50):
        kept = Kept(answer("y" * 100), START)
        small.put(("t", str(number)), kept, START + FRESH)
    assert len(small) == 3
    assert small.bytes <= 3 * size_of(answer("y" * 100))


async def test_an_answer_that_is_too_long_is_not_kept(
    cache: Cache, store: Shared
) -> None:
    await cache.keep("k", "t", answer("z" * 2_000_000))

    assert store.rows == {}
    assert await cache.kept("k", "t") is None


async def test_a_hit_takes_less_than_a_third_of_a_millisecond(cache: Cache) -> None:
    await cache.keep("k", "t", answer("text " * 200))
    begun = process_time()
    for _ in range(1_000):
        await cache.kept("k", "t")

    assert (process_time() - begun) / 1_000 < 0.0003


@pytest.mark.parametrize(
    "whole",
    [
        answer("text"),
        answer(("one", "two")),
        answer(((0.5, -1.0), (2.0, 3.0))),
        answer(()),
        answer(
            attempts=(Attempt("p", "m", "answered", 3, USAGE),),
            verdict=Verdict("mark", 0.4, ("rule",)),
            media=(Media(b"\x00\xff", "image/png"),),
            judged=(Judged(True, {"hate": 0.9}),),
            first_token_ms=3,
        ),
    ],
)
def test_an_answer_comes_back_as_it_went(whole: Answer) -> None:
    assert unpacked(packed(whole)) == whole


@pytest.mark.parametrize("body", [b"", b"\x80", b"\xc1", b"\x81\xa6output\xc0", b"[]"])
def test_what_another_release_wrote_is_no_answer(body: bytes) -> None:
    assert unpacked(body) is None
