"""Every kind of task over HTTP: what is sent, what comes back, what is billed."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from ai_adapter.attempts import Timing
from ai_adapter.base import Ask, Media, Message
from ai_adapter.errors import Refused, Unavailable
from ai_adapter.gateway import Gateway
from ai_adapter.providers.factory import Endpoint
from ai_adapter.questions import customer
from tests.contract.openai_server import (
    USAGE,
    Json,
    OpenAIServer,
    raw,
    says,
    serving,
    status,
)

SUNDAY = datetime(2026, 11, 22, 2, tzinfo=UTC)
SCHEMA = (
    b'{"type": "object", "required": ["title"], "additionalProperties": false,'
    b' "properties": {"title": {"type": "string", "maxLength": 5}}}'
)
LOOK = b'{"name": "look", "parameters": {"type": "object"}}'


async def at_once(_: float) -> None:
    return None


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.clear()
    return running


@pytest.fixture
async def gateway(server: OpenAIServer) -> AsyncIterator[Gateway]:
    endpoints = [
        Endpoint("deepseek", "deepseek-flash", server.url, "sk-1"),
        Endpoint(
            "openai",
            "gpt-6-luna",
            server.url,
            "sk-2",
            embed_model="text-embedding-3-small",
            image_model="gpt-image-2",
            moderation_model="omni-moderation-latest",
            speech_model="gpt-4o-mini-tts",
            hearing_model="gpt-transcribe",
        ),
    ]
    timing = Timing(now=lambda: SUNDAY, sleep=at_once)
    made = Gateway(endpoints, timing=timing, salt=b"pepper")
    yield made
    await made.close()


def asking(task: str = "reply", **changes: object) -> Ask:
    known = {"task": task, "input": "你好", "tenant_id": "t1", "max_tokens": 100}
    return Ask(**{**known, **changes})


@pytest.mark.parametrize(
    "task", ["copy", "summary", "reply", "translate", "rewrite", "storyboard"]
)
async def test_texts_are_chats(
    gateway: Gateway, server: OpenAIServer, task: str
) -> None:
    answer = await gateway.ask(asking(task))

    assert answer.output
    assert not answer.degraded
    assert server.bodies[0]["messages"]


async def test_a_picture_is_drawn_and_counted(
    gateway: Gateway, server: OpenAIServer
) -> None:
    answer = await gateway.ask(asking("image", input="a red kettle"))

    assert (answer.provider, answer.output) == ("openai", "seen: a red kettle")
    assert answer.media[0].content.startswith(b"\x89PNG")
    assert answer.media[0].kind == "image/png"
    assert answer.attempts[0].usage
    assert answer.attempts[0].usage.completion_tokens == 1056


async def test_moderation_is_one_opinion_for_each_input(gateway: Gateway) -> None:
    answer = await gateway.ask(asking("moderation", input=("kill", "hello")))

    assert answer.output == ("flagged", "passed")
    assert [each.flagged for each in answer.judged] == [True, False]
    assert answer.judged[0].scores == {"violence": 0.9}


async def test_a_text_is_spoken(gateway: Gateway) -> None:
    answer = await gateway.ask(asking("speech", input="hi"))

    assert answer.media[0].content.startswith(b"RIFF")
    assert answer.media[0].kind == "audio/wav"


async def test_a_sound_is_heard(gateway: Gateway, server: OpenAIServer) -> None:
    ask = asking("transcription", input="", sound=Media(b"RIFFxxxx", "audio/wav"))

    answer = await gateway.ask(ask)

    assert answer.output == "hello there"
    assert answer.usage.seconds == 2.0
    assert "multipart/form-data" in server.headers[0]["content-type"]


@pytest.mark.parametrize("task", ["image", "moderation", "speech", "transcription"])
async def test_what_nobody_here_can_do_is_no_template(task: str) -> None:
    with pytest.raises(Unavailable):
        await Gateway().ask(asking(task))


@pytest.mark.parametrize(
    ("task", "body"),
    [
        ("image", b'{"data": [{"b64_json": "***"}]}'),
        ("image", b'{"data": []}'),
        ("moderation", b'{"results": []}'),
        ("speech", b""),
    ],
)
async def test_a_useless_answer_of_any_task_is_asked_for_again(
    gateway: Gateway, server: OpenAIServer, task: str, body: bytes
) -> None:
    server.script.append(raw(body))

    answer = await gateway.ask(asking(task, input="hi"))

    assert [each.outcome for each in answer.attempts] == ["ask_again", "answered"]


async def test_a_picture_is_shown_to_a_model_that_sees(
    gateway: Gateway, server: OpenAIServer
) -> None:
    seen = "data:image/png;base64,AAAA"

    answer = await gateway.ask(asking(images=(seen,)))

    assert answer.provider == "openai"
    parts = server.bodies[0]["messages"][1]["content"]
    assert parts[1]["image_url"]["url"] == seen


async def test_functions_are_offered_and_a_call_comes_back(
    gateway: Gateway, server: OpenAIServer
) -> None:
    def calls(body: Json) -> object:
        call = {"id": "c1", "function": {"name": "look", "arguments": "{}"}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"message": message, "finish_reason": "tool_calls"}
        whole = {"model": body["model"], "choices": [choice], "usage": USAGE}
        return raw(msgspec.json.encode(whole))(body)

    server.script.append(calls)

    answer = await gateway.ask(asking(functions=(LOOK,)))

    assert answer.provider == "openai"
    assert server.bodies[0]["tools"] == [
        {"type": "function", "function": msgspec.json.decode(LOOK)}
    ]
    assert (answer.functions[0].name, answer.output) == ("look", "")


@pytest.mark.parametrize("wrong", ["no json", '{"title": "far too long"}', "[]", "  "])
@pytest.mark.parametrize("model", ["deepseek-flash", "gpt-6-luna"])
async def test_an_answer_that_does_not_fit_its_schema_is_repaired_once(
    gateway: Gateway, server: OpenAIServer, wrong: str, model: str
) -> None:
    server.script.extend([says(wrong), says('```json\n{"title": "好"}\n```')])

    answer = await gateway.ask(asking(model=model, schema=SCHEMA))

    assert answer.output == '{"title": "好"}'
    assert [each.outcome for each in answer.attempts] == ["ask_again", "answered"]
    told = server.bodies[1]["messages"][-1]["content"]
    assert "could not be used" in told
    form = server.bodies[0]["response_format"]["type"]
    assert form == ("json_schema" if model == "gpt-6-luna" else "json_object")


async def test_a_conversation_is_passed_on_as_it_is(
    gateway: Gateway, server: OpenAIServer
) -> None:
    said = (
        Message(role="system", content="be brief"),
        Message(role="assistant", calls=b'[{"id": "c1"}]'),
        Message(role="tool", content="42", call_id="c1"),
        Message(role="user", content="and {now}?"),
    )

    answer = await gateway.ask(asking(messages=said, input=""))

    assert server.bodies[0]["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1"}]},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
        {"role": "user", "content": "and {now}?"},
    ]
    assert answer.prompt_version == "messages@1"


async def test_tenants_are_told_apart_and_not_told_of(
    gateway: Gateway, server: OpenAIServer
) -> None:
    await gateway.ask(asking(model="deepseek-flash"))
    await gateway.ask(asking(model="gpt-6-luna"))
    await gateway.ask(asking(model="gpt-6-luna", tenant_id="t2"))

    named = customer(b"pepper", "t1")
    first, second, third = server.bodies
    assert (first["user_id"], second["safety_identifier"]) == (named, named)
    assert third["safety_identifier"] != named
    assert "t1" not in str(server.bodies)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"functions": (b"{half",)}, "functions_not_json"),
        ({"schema": b"\xff"}, "schema_not_json"),
        ({"schema": b"[" + b"1," * 40_000 + b"1]"}, "schema_too_long"),
        ({"images": ("file:///etc/passwd",)}, "images_unknown"),
        ({"images": ("https://x",) * 17}, "images_too_many"),
        (
            {"messages": (Message(role="user", content="字" * 400_000),)},
            "messages_too_long",
        ),
        ({"messages": (Message(role="user"),) * 1001}, "messages_count"),
        ({"messages": (Message(role="assistant", calls=b"x"),)}, "messages_not_json"),
        ({"sound": Media(b"x" * 25_000_001, "audio/wav")}, "sound_too_large"),
    ],
)
async def test_what_would_break_a_request_is_refused_by_name(
    gateway: Gateway, server: OpenAIServer, change: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        await gateway.ask(asking(**change))

    assert caught.value.code == code
    assert server.bodies == []


async def test_a_fallback_never_loses_the_picture(
    gateway: Gateway, server: OpenAIServer
) -> None:
    blind = Endpoint("local", "blind", server.url)
    sees = Endpoint("openai", "gpt-6-luna", server.url)
    both = Gateway([blind, sees], timing=Timing(sleep=at_once))
    server.script.append(status(401))

    with pytest.raises(Unavailable):
        await both.ask(asking(images=("https://x/y.png",), model="gpt-6-luna"))
    await both.close()

    assert "blind" not in {body["model"] for body in server.bodies}
