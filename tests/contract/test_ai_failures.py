"""What becomes of an ask when providers fail: one test for each rule of resort."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from ai_adapter.attempts import Timing
from ai_adapter.base import (
    Answer,
    Ask,
    AttemptMade,
    BreakerChanged,
    CacheHit,
    Fact,
    ModelEnding,
    PriceUnknown,
)
from ai_adapter.breakers import HARD_IN_A_ROW, OPEN_FIRST_S
from ai_adapter.errors import Refused, Unavailable
from ai_adapter.gateway import Gateway
from ai_adapter.policies import Policy, Rule
from ai_adapter.ports import Make, OnePolicy
from ai_adapter.providers.factory import Endpoint
from tests.contract.openai_server import (
    OpenAIServer,
    broken_off,
    dripping,
    raw,
    says,
    serving,
    status,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Time:
    """A clock that sleeps move on, so that nobody waits."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)


class Kept:
    """A cache whose fresh answers are gone as soon as `old` says so."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Answer] = {}
        self.old = False
        self.flying: dict[tuple[str, str], asyncio.Future[Answer]] = {}

    async def kept(self, key: str, scope: str) -> Answer | None:
        return None if self.old else self.held.get((key, scope))

    async def stale(self, key: str, scope: str) -> Answer | None:
        return self.held.get((key, scope))

    async def keep(self, key: str, scope: str, answer: Answer) -> None:
        self.held[key, scope] = answer

    async def once(self, key: str, scope: str, make: Make) -> Answer:
        if (key, scope) not in self.flying:
            self.flying[key, scope] = asyncio.ensure_future(make())
        try:
            return await self.flying[key, scope]
        finally:
            self.flying.pop((key, scope), None)


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.clear()
    return running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def told() -> list[Fact]:
    return []


@pytest.fixture
def cache() -> Kept:
    return Kept()


@pytest.fixture
async def make(
    server: OpenAIServer, time: Time, told: list[Fact], cache: Kept
) -> AsyncIterator[object]:
    """A gateway to the server under the names that are given, with a policy."""
    made: list[Gateway] = []

    def gateway(*names: str, rule: Rule | None = None, **more: object) -> Gateway:
        endpoints = [_endpoint(name, server.url) for name in names]
        policy = Policy(name="p", version=1, rules=(rule or Rule(name="all"),))
        timing = Timing(time.monotonic, time.now, lambda: 1.0, time.sleep)
        ports = {"cache": cache, "tell": told.append, "policies": OnePolicy(policy)}
        made.append(Gateway(endpoints, timing=timing, **{**ports, **more}))
        return made[-1]

    yield gateway
    for each in made:
        await each.close()


def _endpoint(name: str, url: str) -> Endpoint:
    provider, _, model = name.partition("/")
    return Endpoint(provider, model or "m", url)


def asking(**changes: object) -> Ask:
    known = {"task": "reply", "input": "你好", "tenant_id": "t1", "max_tokens": 100}
    return Ask(**{**known, **changes})


def models(server: OpenAIServer) -> list[object]:
    return [body["model"] for body in server.bodies]


async def test_five_lost_calls_open_a_breaker_and_the_next_ask_passes_it_by(
    make, server: OpenAIServer, told: list[Fact]
) -> None:
    gateway = make("a/first", "b/second", rule=Rule(name="all", deadline_s=600))
    # Three calls at most for one model: the fifth of its failures is of the next ask.
    server.script.extend([status(500)] * 3 + [says("x")] + [status(500)] * 2)
    for _ in range(2):
        await gateway.ask(asking())
    server.bodies.clear()

    answer = await gateway.ask(asking())

    assert models(server) == ["second"]
    assert answer.degraded
    changed = [fact for fact in told if isinstance(fact, BreakerChanged)]
    assert [(fact.provider, fact.state) for fact in changed] == [("a", "open")]


async def opened(gateway: Gateway, server: OpenAIServer) -> None:
    server.script.extend([status(500)] * HARD_IN_A_ROW)
    while server.script:
        await gateway.ask(asking())
    server.bodies.clear()


async def test_where_all_are_open_a_job_is_told_when_to_come_back(
    make, server: OpenAIServer, time: Time
) -> None:
    gateway = make("a/only")
    assert await gateway.opens_at(asking()) is None
    await opened(gateway, server)

    at = await gateway.opens_at(asking())
    assert at is not None
    assert time.now() < at <= time.now() + timedelta(seconds=OPEN_FIRST_S)
    assert (await gateway.ask(asking())).provider == "template"
    assert server.bodies == []

    time.passed += (at - time.now()).total_seconds()
    assert await gateway.opens_at(asking()) is None
    assert not (await gateway.ask(asking())).degraded


async def test_what_no_template_can_do_says_so_and_when_to_ask_again(
    make, server: OpenAIServer, time: Time
) -> None:
    gateway = make("a/only")
    await opened(gateway, server)
    ask = asking(schema=b'{"type": "object"}')

    with pytest.raises(Unavailable) as caught:
        await gateway.ask(ask)

    assert caught.value.until == await gateway.opens_at(ask)


async def test_one_tenants_bad_key_shuts_nobody_else_out(
    make, server: OpenAIServer
) -> None:
    class Keys:
        async def key(self, tenant: str, provider: str) -> str:
            return f"key-of-{tenant}"

    gateway = make("a/only", keys=Keys())
    server.script.extend([status(401)] * 9)
    for _ in range(9):
        await gateway.ask(asking(tenant_id="bad"))
    server.clear()

    bad = await gateway.ask(asking(tenant_id="bad"))
    good = await gateway.ask(asking(tenant_id="good"))

    assert (bad.degraded, good.degraded) == (True, False)
    assert server.headers[-1]["authorization"] == "Bearer key-of-good"


async def test_an_impatient_caller_says_nothing_of_a_models_health(
    make, server: OpenAIServer
) -> None:
    gateway = make("a/only")
    server.script.extend([dripping()] * (HARD_IN_A_ROW + 1))
    for _ in range(HARD_IN_A_ROW + 1):
        await gateway.ask(asking(deadline_s=0.1))

    assert await gateway.opens_at(asking()) is None


async def test_refused_content_and_long_contexts_have_lists_of_their_own(
    make, server: OpenAIServer
) -> None:
    rule = Rule(name="all", on_content=("b/kind",), on_context=("text.large",))
    gateway = make("a/first", "b/kind", "deepseek/deepseek-flash", rule=rule)

    server.script.append(status(400, "content_policy_violation"))
    kind = await gateway.ask(asking())
    server.script.append(status(400, "context_length_exceeded"))
    large = await gateway.ask(asking())

    assert (kind.provider, large.provider) == ("b", "deepseek")
    assert models(server) == ["first", "kind", "first", "deepseek-flash"]


@pytest.mark.parametrize(
    "step",
    [
        status(401),
        status(402),
        status(403),
        status(404, "model_not_found"),
        status(429, "insufficient_quota"),
        status(400, "Arrearage"),
        raw(b'{"error": {"code": "insufficient_quota", "message": "pay"}}'),
    ],
    ids=["key", "balance", "forbidden", "model", "quota", "arrears", "quota in a 200"],
)
async def test_what_a_person_must_mend_fails_over_at_once(
    make, server: OpenAIServer, step, time: Time
) -> None:
    server.script.append(step)

    answer = await make("a/first", "b/second").ask(asking())

    assert models(server) == ["first", "second"]
    assert [each.outcome for each in answer.attempts] == ["misconfigured", "answered"]
    assert time.passed == 0


async def test_a_model_past_its_shutdown_date_is_not_asked(
    make, server: OpenAIServer, time: Time
) -> None:
    gateway = make("openai/gpt-4o-mini", "b/second")
    before = await gateway.ask(asking())
    time.passed += 60 * 86_400

    after = await gateway.ask(asking())

    assert (before.model_name, after.model_name) == ("gpt-4o-mini", "second")


async def test_providers_tell_the_end_of_models_and_it_is_told_once_for_each_notice(
    make, server: OpenAIServer, time: Time, told: list[Fact]
) -> None:
    server.models = (
        b'{"data": [{"id": "only", "shutdown_date": "2027-02-10"}, {"id": "x"}]}'
    )
    gateway = make("a/only", "b/second")
    looking = asyncio.create_task(gateway.keep_looking())
    for _ in range(2 * 82):
        await asyncio.to_thread(server.looked.acquire, timeout=5)
    looking.cancel()

    found = [fact for fact in told if isinstance(fact, ModelEnding)]
    assert [(fact.model, fact.days) for fact in found] == [
        ("only", 80),
        ("only", 30),
        ("only", 7),
        ("only", 0),
    ]
    assert found[0].ends == date(2027, 2, 10)
    assert (await gateway.ask(asking())).provider == "b"


async def test_an_old_answer_comes_before_a_template(
    make, server: OpenAIServer, cache: Kept, told: list[Fact]
) -> None:
    gateway = make("a/only")
    ask = asking(temperature=0.0)
    first = await gateway.ask(ask)
    again = await gateway.ask(ask)
    cache.old = True
    server.script.append(status(401))
    late = await gateway.ask(ask)
    server.script.append(status(401))
    other = await gateway.ask(asking(temperature=0.0, input="别的"))

    assert (again.cached_from, again.usage.cost) == (first.request_id, 0)
    assert (late.output, late.stale, late.degraded) == (first.output, True, True)
    assert (other.provider, other.degraded, other.stale) == ("template", True, False)
    assert [fact.answer.stale for fact in told if isinstance(fact, CacheHit)] == [
        False,
        True,
    ]


async def test_what_was_tried_before_an_old_answer_is_paid_all_the_same(
    make, server: OpenAIServer, cache: Kept
) -> None:
    gateway = make("deepseek/deepseek-flash")
    ask = asking(temperature=0.0)
    await gateway.ask(ask)
    cache.old = True
    server.script.extend([says("  "), says("  ")])

    late = await gateway.ask(ask)

    assert late.stale
    assert [each.outcome for each in late.attempts] == ["ask_again", "ask_again"]
    assert late.usage.prompt_tokens == 2 * 512
    assert late.usage.cost


async def test_chance_is_cached_only_for_those_who_ask_for_it(
    make, server: OpenAIServer
) -> None:
    gateway = make("a/only")
    for _ in range(2):
        await gateway.ask(asking(temperature=0.7))
    for _ in range(2):
        await gateway.ask(asking(temperature=0.7, cache=True))

    assert len(server.bodies) == 3


async def test_those_who_ask_at_the_same_time_share_one_call(
    make, server: OpenAIServer
) -> None:
    gateway = make("a/only")
    ask = asking(temperature=0.0)

    answers = await asyncio.gather(*(gateway.ask(ask) for _ in range(20)))

    assert len(server.bodies) == 1
    assert sum(not answer.cached_from for answer in answers) == 1
    assert sum(answer.usage.prompt_tokens for answer in answers) == 512


@pytest.mark.parametrize("script", [[says("half", "length")], [status(401)]])
async def test_half_an_answer_and_that_of_another_model_are_not_kept(
    make, server: OpenAIServer, cache: Kept, script
) -> None:
    server.script.extend(script)

    answer = await make("a/first", "b/second").ask(asking(temperature=0.0))

    assert answer.provider in {"a", "b"}
    assert cache.held == {}


async def test_a_lost_answer_that_may_be_paid_only_once_is_not_asked_again(
    make, server: OpenAIServer
) -> None:
    server.script.append(broken_off())

    with pytest.raises(Refused) as caught:
        await make("a/first", "b/second").ask(asking(paid_once=True))

    assert caught.value.code == "outcome_unknown"
    assert [each.outcome for each in caught.value.attempts] == ["unknown"]
    assert len(server.bodies) == 1


async def test_no_fallback_means_none(make, server: OpenAIServer) -> None:
    server.script.append(status(401))

    with pytest.raises(Unavailable):
        await make("a/first", "b/second").ask(asking(fallback=False))

    assert models(server) == ["first"]


async def test_an_unknown_price_is_null_and_told(
    make, server: OpenAIServer, told: list[Fact]
) -> None:
    answer = await make("a/only").ask(asking())

    assert answer.usage.cost is None
    unknown = [fact for fact in told if isinstance(fact, PriceUnknown)]
    assert [(fact.provider, fact.model_name) for fact in unknown] == [("a", "only")]


async def test_a_long_pause_is_not_waited_for_while_another_could_be_asked(
    make, server: OpenAIServer, time: Time
) -> None:
    server.script.append(status(429, retry_after="20"))

    answer = await make("a/first", "b/second").ask(asking())

    assert (models(server), time.passed) == (["first", "second"], 0)
    assert answer.attempts[0].outcome == "try_later"


async def test_an_empty_cache_is_a_cache(make, server: OpenAIServer) -> None:
    class Sized(Kept):
        def __len__(self) -> int:
            return len(self.held)

    gateway = make("a/only", cache=Sized())
    for _ in range(2):
        await gateway.ask(asking(temperature=0.0))

    assert len(server.bodies) == 1


async def test_the_deadline_of_the_scene_counts_where_it_is_shorter(
    make, server: OpenAIServer, time: Time
) -> None:
    server.script.append(status(429, retry_after="5"))
    gateway = make("a/only", rule=Rule(name="all", deadline_s=4))

    answer = await gateway.ask(asking(deadline_s=60))

    assert answer.provider == "template"
    assert len(server.bodies) == 1


async def test_each_attempt_is_told_once_with_its_ask(
    make, server: OpenAIServer, told: list[Fact]
) -> None:
    server.script.append(status(500))

    answer = await make("a/only").ask(asking(scene="s"))

    made = [fact for fact in told if isinstance(fact, AttemptMade)]
    assert tuple(fact.attempt for fact in made) == answer.attempts
    assert {fact.ask.scene for fact in made} == {"s"}


async def test_a_question_of_a_megabyte_is_refused_by_name(make) -> None:
    with pytest.raises(Refused) as caught:
        await make("a/only").ask(asking(input="字" * 400_000))

    assert caught.value.code == "input_too_long"


async def test_an_answer_of_a_megabyte_is_taken(make, server: OpenAIServer) -> None:
    server.script.append(says("长" * 350_000))

    answer = await make("a/only").ask(asking())

    assert len(str(answer.output)) == 350_000
