"""What a stream promises: fail-over before the first text, a typed end after it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ai_adapter.attempts import Timing
from ai_adapter.base import (
    Ask,
    AttemptMade,
    Broken,
    Called,
    Delta,
    Done,
    Fact,
    Message,
    Piece,
)
from ai_adapter.errors import Refused
from ai_adapter.gateway import Gateway
from ai_adapter.policies import Policy, Rule
from ai_adapter.ports import OnePolicy
from ai_adapter.providers.factory import Endpoint
from tests.contract.openai_server import (
    USAGE,
    OpenAIServer,
    Step,
    delta,
    ending,
    event,
    raw,
    serving,
    status,
)
from tests.contract.openai_streams import (
    COUNTED,
    DONE,
    HELLO,
    cut_after,
    functions,
    in_halves,
    sends,
    silent_after,
    watched,
)

SUNDAY = datetime(2026, 11, 22, 2, tzinfo=UTC)
IMPATIENT = Policy(name="test", version=1, rules=(Rule(name="all", idle_s=0.2),))
PRICE = Decimal("0.000798")


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.clear()
    return running


@pytest.fixture
def told() -> list[Fact]:
    return []


@pytest.fixture
async def gateway(server: OpenAIServer, told: list[Fact]) -> AsyncIterator[Gateway]:
    endpoints = [
        Endpoint("deepseek", "deepseek-flash", server.url, "sk-1"),
        Endpoint("local", "qwen", server.url, "sk-2"),
    ]
    timing = Timing(now=lambda: SUNDAY, sleep=at_once)
    made = Gateway(
        endpoints, timing=timing, policies=OnePolicy(IMPATIENT), tell=told.append
    )
    yield made
    await made.close()


def asking(**changes: object) -> Ask:
    known = {"task": "reply", "input": "你好", "tenant_id": "t1", "max_tokens": 100}
    return Ask(**{**known, **changes})


async def pieces(gateway: Gateway, ask: Ask) -> list[Piece]:
    return [piece async for piece in gateway.stream(ask)]


def text(found: list[Piece]) -> str:
    return "".join(piece.text for piece in found if isinstance(piece, Delta))


def models(server: OpenAIServer) -> list[object]:
    return [body["model"] for body in server.bodies]


async def test_a_stream_is_its_texts_and_a_priced_end(
    gateway: Gateway, server: OpenAIServer, told: list[Fact]
) -> None:
    found = await pieces(gateway, asking())

    end = found[-1]
    assert isinstance(end, Done)
    assert text(found) == end.answer.output
    assert end.answer.usage.cost == PRICE
    assert not end.answer.usage.estimated
    assert end.answer.first_token_ms is not None
    assert server.bodies[0]["stream_options"] == {"include_usage": True}
    made = [fact for fact in told if isinstance(fact, AttemptMade)]
    assert [fact.streamed for fact in made] == [True]


@pytest.mark.parametrize(
    "step",
    [
        sends(*HELLO, ending(), COUNTED, DONE),
        sends(*HELLO, ending(usage=USAGE, model="deepseek-flash"), DONE),
        sends(*HELLO, ending(), event({"usage": USAGE, "choices": []})),
        sends(
            *HELLO,
            event(
                {"choices": [{"delta": {}, "finish_reason": "stop", "usage": USAGE}]}
            ),
            DONE,
        ),
        in_halves(*HELLO, ending(), COUNTED, DONE),
        sends(
            b"\n\n\n",
            b": keep-alive\n\n",
            *HELLO,
            b": still here\n\n",
            ending(),
            COUNTED,
        ),
        sends(
            b"\r\n".join(
                (*(e.strip() + b"\r\n" for e in (*HELLO, ending(), COUNTED)), DONE)
            )
        ),
        sends(*HELLO, ending(), COUNTED[:-2]),
        sends(delta(""), delta("  "), *HELLO, ending(), COUNTED, DONE),
    ],
    ids=[
        "beside no choice",
        "with the last choice",
        "at the top, no done",
        "within a choice",
        "half chunks",
        "blank lines and comments",
        "carriage returns",
        "no last line end",
        "blank texts first",
    ],
)
async def test_usage_is_found_wherever_a_provider_puts_it(
    gateway: Gateway, server: OpenAIServer, step: Step
) -> None:
    server.script.append(step)

    found = await pieces(gateway, asking())

    end = found[-1]
    assert isinstance(end, Done)
    assert text(found).strip() == "你好，世界"
    assert (end.answer.usage.cost, end.answer.usage.estimated) == (PRICE, False)


async def test_usage_that_never_came_is_estimated_and_says_so(
    gateway: Gateway, server: OpenAIServer
) -> None:
    server.script.append(sends(*HELLO, ending(), DONE))

    end = (await pieces(gateway, asking()))[-1]

    assert isinstance(end, Done)
    assert end.answer.usage.estimated
    assert end.answer.usage.completion_tokens > 0
    assert end.answer.usage.cost


@pytest.mark.parametrize(
    "step",
    [
        status(401),
        raw(b'{"error": {"message": "busy", "code": "oops"}}'),
        raw(b'{"error": {"message": "no money", "code": "insufficient_quota"}}'),
        sends(event({"error": {"message": "overloaded", "code": 503}})),
        sends(b"data: {not json\n\n"),
        sends(b"data: \xff\xfe\n\n"),
        sends(delta("  "), ending(), DONE),
        sends(DONE),
        sends(),
        cut_after(b": hold on\n\n"),
        cut_after(delta("   ")),
    ],
)
async def test_before_the_first_text_another_model_takes_over(
    gateway: Gateway, server: OpenAIServer, step: Step
) -> None:
    server.script.extend([step] * 3)

    found = await pieces(gateway, asking(deadline_s=5))

    end = found[-1]
    assert isinstance(end, Done)
    assert models(server)[0] == "deepseek-flash"
    assert text(found) == end.answer.output
    assert end.answer.attempts[0].outcome != "answered"


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (cut_after(*HELLO), "stream_broken"),
        (sends(*HELLO), "stream_broken"),
        (sends(*HELLO, b"data: {half\n\n"), "stream_broken"),
        (sends(*HELLO, b"data: \xff\n\n"), "stream_broken"),
        (sends(*HELLO, event({"error": {"code": "server_error"}})), "stream_broken"),
        (silent_after(*HELLO), "stream_broken"),
        (silent_after(*HELLO, beat=b": alive\n\n"), "stream_broken"),
        (sends(*HELLO, ending("content_filter"), DONE), "content_policy"),
    ],
)
async def test_after_the_first_text_a_stream_ends_typed_and_is_billed(
    gateway: Gateway, server: OpenAIServer, step: Step, code: str
) -> None:
    server.script.append(step)

    found = await pieces(gateway, asking())

    end = found[-1]
    assert isinstance(end, Broken)
    assert end.code == code
    assert text(found) == end.answer.output == "你好，世界"
    assert end.answer.usage.estimated
    assert end.answer.usage.completion_tokens > 0
    assert models(server) == ["deepseek-flash"]


async def test_no_fallback_means_none_in_a_stream_either(
    gateway: Gateway, server: OpenAIServer
) -> None:
    server.script.extend([status(401)] * 3)

    with pytest.raises(Refused) as caught:
        await pieces(gateway, asking(fallback=False))

    assert caught.value.code == "unavailable"
    assert models(server) == ["deepseek-flash"]


async def test_closing_early_stops_the_provider_and_is_billed(
    gateway: Gateway, server: OpenAIServer, told: list[Fact]
) -> None:
    server.script.append(watched(server))

    stream = gateway.stream(asking())
    async for piece in stream:
        assert isinstance(piece, Delta)
        break
    await stream.aclose()

    made = [fact for fact in told if isinstance(fact, AttemptMade)]
    assert made[0].attempt.usage
    assert made[0].attempt.usage.estimated
    assert made[0].attempt.reason == "closed before its end"
    assert await asyncio.to_thread(server.closed.wait, 5)


async def test_streams_that_ended_leave_their_connection_to_the_next(
    gateway: Gateway, server: OpenAIServer
) -> None:
    server.script.append(sends(*HELLO, ending(), COUNTED, DONE))
    for _ in range(4):
        assert isinstance((await pieces(gateway, asking()))[-1], Done)

    assert len(set(server.ports)) == 1


async def test_a_stream_that_has_said_all_and_does_not_end_is_left(
    gateway: Gateway, server: OpenAIServer
) -> None:
    server.script.append(silent_after(*HELLO, ending(), COUNTED, DONE))

    assert isinstance((await pieces(gateway, asking()))[-1], Done)


async def test_functions_come_whole_at_the_end(
    gateway: Gateway, server: OpenAIServer
) -> None:
    server.script.append(functions)
    ask = asking(
        model="deepseek-flash",
        messages=(Message(role="user", content="look it up"),),
        functions=(b'{"name": "look", "parameters": {"type": "object"}}',),
    )

    found = await pieces(gateway, ask)

    end = found[-1]
    assert isinstance(end, Done)
    assert end.answer.functions == (Called("call_1", "look", '{"q":1}'),)
    assert end.answer.finish_reason == "tool_calls"
    assert text(found) == ""


async def test_without_a_model_a_stream_is_the_template() -> None:
    found = await pieces(Gateway(), asking())

    assert isinstance(found[-1], Done)
    assert found[-1].answer.degraded
    assert text(found) == found[-1].answer.output
