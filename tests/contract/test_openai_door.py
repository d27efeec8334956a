"""An unmodified `openai` client at contentops' own door, over HTTP, against a model."""

import asyncio
import base64
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace

import openai
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from ai_adapter.embedding import minilm
from ai_adapter.providers.factory import Endpoint
from api import streaming
from api.server import config
from infra.ai_audited import AuditedGateway
from schemas.commands.job import CompleteJob, FailJob, RequestJob, StartAttempt
from tests.contract.openai_server import (
    USAGE,
    OpenAIServer,
    delta,
    ending,
    raw,
    serving,
    status,
)
from unit.api.test_writes import FakeDecisions, FakeLog, application

HELLO: list[dict[str, str]] = [{"role": "user", "content": "Describe the lamp."}]
TOOL = {
    "type": "function",
    "function": {"name": "price", "parameters": {"type": "object"}},
}


class Shelf:
    """Where vectors are kept."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    async def put_json(self, key: str, value: object) -> None:
        self.kept[key] = value


class Door:
    """One application on a socket, and the log it writes to."""

    def __init__(self, model: OpenAIServer) -> None:
        self.log = FakeLog()
        self.app: FastAPI = application(self.log, FakeDecisions(self.log))
        end = Endpoint("openai", "gpt-6-luna", model.url, "k", embed_model="embedder")
        self.gateway = AuditedGateway([end])
        self.app.state.parts = replace(self.app.state.parts, gateway=self.gateway)
        self.app.state.parts = replace(self.app.state.parts, storage=Shelf())
        self.socket = socket.create_server(("127.0.0.1", 0))
        port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self.server = uvicorn.Server(config(self.app, "127.0.0.1", port))

    def wished(self) -> list[type]:
        return [type(each.data) for each in self.log.records]


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    with serving() as fake:
        yield fake


@pytest_asyncio.fixture
async def door(model: OpenAIServer) -> AsyncIterator[Door]:
    model.clear()
    opened = Door(model)
    opened.server.config.lifespan = "off"
    serving_it = asyncio.create_task(opened.server.serve([opened.socket]))
    yield opened
    opened.server.should_exit = True
    with suppress(asyncio.CancelledError):
        await serving_it
    await opened.gateway.close()


@pytest_asyncio.fixture
async def client(door: Door) -> AsyncIterator[openai.AsyncOpenAI]:
    made = openai.AsyncOpenAI(base_url=door.url, api_key="co_any", max_retries=0)
    async with made:
        yield made


async def test_a_conversation_is_passed_on_priced_and_on_the_log(
    client: openai.AsyncOpenAI, door: Door, model: OpenAIServer
) -> None:
    told = await client.chat.completions.create(
        model="gpt-6-luna", messages=HELLO, temperature=0.3, max_tokens=99
    )

    assert told.choices[0].message.content
    assert told.choices[0].finish_reason == "stop"
    assert told.usage is not None
    assert told.usage.total_tokens == USAGE["total_tokens"]
    assert told.model_extra is not None
    assert float(told.model_extra["contentops"]["cost"]) > 0
    sent = model.bodies[-1]
    assert sent["messages"] == HELLO
    assert sent["temperature"] == 0.3
    assert 99 in sent.values()
    assert door.wished() == [RequestJob, StartAttempt, CompleteJob]


async def test_a_stream_reads_as_openai_writes_it_and_is_settled(
    client: openai.AsyncOpenAI, door: Door
) -> None:
    stream = await client.chat.completions.create(
        model="gpt-6-luna",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [each async for each in stream]

    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "番茄炒蛋" in "".join(texts)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == USAGE["prompt_tokens"]
    await streaming.settled(5)
    assert door.wished() == [RequestJob, StartAttempt, CompleteJob]


async def test_a_client_that_goes_away_mid_stream_is_settled_with_what_came(
    client: openai.AsyncOpenAI, door: Door, model: OpenAIServer
) -> None:
    words = b"".join(delta(f"w{n} ") for n in range(5_000))
    model.script.append(raw(words + ending(), "text/event-stream"))
    stream = await client.chat.completions.create(
        model="gpt-6-luna", messages=HELLO, stream=True
    )
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    await streaming.settled(10)

    done = [e.data for e in door.log.records if isinstance(e.data, CompleteJob)]
    assert len(done) == 1
    assert done[0].result.output[0].startswith("w0 ")
    assert done[0].result.usage.completion_tokens > 0


async def test_functions_images_and_json_reach_the_model(
    client: openai.AsyncOpenAI, model: OpenAIServer
) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": picture}},
    ]
    await client.chat.completions.create(
        model="gpt-6-luna",
        messages=[{"role": "user", "content": parts}],
        tools=[TOOL],
        response_format={"type": "json_object"},
    )

    sent = model.bodies[-1]
    assert sent["tools"] == [TOOL]
    assert sent["response_format"] == {"type": "json_object"}
    content = sent["messages"][0]["content"]  # type: ignore[index]
    assert content[1]["image_url"]["url"] == picture


async def test_vectors_come_packed_or_plain_and_from_this_machine_too(
    client: openai.AsyncOpenAI, door: Door
) -> None:
    packed = await client.embeddings.create(model="embedder", input=["a", "b"])
    plain = await client.embeddings.create(
        model="embedder", input=["a", "b"], encoding_format="float"
    )
    local = await client.embeddings.create(model=minilm.MODEL, input="a lamp")

    assert [len(each.embedding) for each in packed.data] == [8, 8]
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding)
    assert len(local.data[0].embedding) == minilm.SIZE


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    names = [each.id async for each in client.models.list()]

    assert {"auto", "gpt-4o-mini", minilm.MODEL} <= set(names)


async def test_refusals_have_openais_shape(
    client: openai.AsyncOpenAI, door: Door
) -> None:
    with pytest.raises(openai.BadRequestError) as stop:
        await client.chat.completions.create(model="auto", messages=HELLO, stop=["x"])
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="no-such", messages=HELLO)

    assert (stop.value.code, stop.value.param) == ("unsupported_parameter", "stop")
    assert unknown.value.code == "model_unknown"
    assert door.wished().count(FailJob) == 0


async def test_a_model_that_cannot_be_asked_is_said_so(
    client: openai.AsyncOpenAI, door: Door, model: OpenAIServer
) -> None:
    model.script.extend([status(401)] * 4)

    with pytest.raises(openai.InternalServerError) as away:
        await client.chat.completions.create(
            model="gpt-6-luna", messages=HELLO, tools=[TOOL]
        )

    assert (away.value.status_code, away.value.code) == (503, "unavailable")
    assert door.wished() == [RequestJob, StartAttempt, FailJob]


def test_packed_vectors_are_little_endian_floats() -> None:
    from api.openai_wire import _packed

    assert struct.unpack("<2f", base64.b64decode(_packed((0.5, -1.0)))) == (0.5, -1.0)
