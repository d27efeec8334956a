"""Streams to one client: typed ends, and an account whatever the client does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from ai_adapter.base import Answer, Ask, Broken, Delta, Done, Piece, Usage
from ai_adapter.errors import Refused
from ai_adapter.gateway import Gateway
from api import streaming
from api.streaming import Telling
from schemas.commands.job import CompleteJob, FailJob
from unit.api.test_writes import KEY, FakeDecisions, FakeLog, application


def answer(text: str, finish: str = "stop") -> Answer:
    usage = Usage(20, len(text), Decimal("0.002"), "CNY")
    return Answer(
        output=text,
        usage=usage,
        provider="deepseek",
        model_name="deepseek-flash",
        latency_ms=5,
        degraded=False,
        request_id="r1",
        prompt_hash="h",
        prompt_version="copy@1",
        finish_reason=finish,
    )


@dataclass
class SpokenGateway:
    """Says words until it is told to stop; ends as `end` says."""

    words: int = 3
    end: Exception | None = None
    refused: Refused | None = None
    told: list[str] = field(default_factory=list)
    open: int = 0

    async def ready(self, ask: Ask) -> Answer | None:
        return None

    def most(self, ask: Ask) -> dict[str, Decimal] | None:
        return {}

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        if self.refused:
            raise self.refused
        self.open += 1
        try:
            for number in range(self.words):
                self.told.append(f"w{number} ")
                yield Delta(self.told[-1])
                await asyncio.sleep(0)
            if self.end:
                raise self.end
            yield Done(answer("".join(self.told)))
        except Refused as stopped:
            said = answer("".join(self.told), "error")
            yield Broken(stopped.code, stopped.reason, said)
        finally:
            self.open -= 1


def served(gateway: SpokenGateway | Gateway) -> tuple[FastAPI, FakeLog]:
    log = FakeLog()
    app = application(log, FakeDecisions(log))
    app.state.parts = replace(app.state.parts, gateway=gateway)
    return app, log


async def ask(app: FastAPI, **more: object) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        body = {"task": "copy", "input": "a lamp", "stream": True} | more
        return await client.post("/api/v1/ai/generate", json=body, headers=KEY)


def events(text: str) -> list[tuple[str, dict[str, object]]]:
    found = []
    for part in text.strip().split("\n\n"):
        name, _, data = part.partition("\n")
        found.append((name[7:], msgspec.json.decode(data[6:])))
    return found


def of_kind(log: FakeLog, kind: type) -> list[object]:
    return [each.data for each in log.records if isinstance(each.data, kind)]


async def test_deltas_then_the_whole_with_its_cost_and_an_account_on_the_log() -> None:
    app, log = served(SpokenGateway())

    told = await ask(app)

    assert told.headers["content-type"].startswith("text/event-stream")
    found = events(told.text)
    assert [name for name, _ in found] == ["delta", "delta", "delta", "done"]
    assert found[0][1] == {"text": "w0 "}
    done = found[-1][1]
    assert (done["output"], done["taskId"] != "") == ("w0 w1 w2 ", True)
    assert done["usage"] == {
        "promptTokens": 20,
        "completionTokens": 9,
        "cost": 0.002,
        "currency": "CNY",
    }
    await streaming.settled(5)
    assert of_kind(log, CompleteJob)
    assert app.state.parts.direct.busy == 0


async def test_a_stream_that_breaks_ends_with_an_error_and_what_was_delivered() -> None:
    broken = SpokenGateway(end=Refused("stream_broken", "no more"))
    app, log = served(broken)

    found = events((await ask(app)).text)

    assert [name for name, _ in found] == ["delta"] * 3 + ["error"]
    end = found[-1][1]
    assert end["code"] == "stream_broken"
    assert end["delivered"]["output"] == "w0 w1 w2 "  # type: ignore[index]
    await streaming.settled(5)
    assert of_kind(log, CompleteJob)


async def test_a_refusal_before_the_first_text_is_a_problem_and_not_a_stream() -> None:
    app, log = served(SpokenGateway(refused=Refused("input_too_long", "too long")))

    refused = await ask(app)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/input"
    await streaming.settled(5)
    assert [each.code for each in of_kind(log, FailJob)] == ["input_too_long"]  # type: ignore[attr-defined]
    assert app.state.parts.direct.busy == 0


async def test_a_template_is_told_in_pieces_too() -> None:
    app, _ = served(Gateway())

    found = events((await ask(app)).text)

    assert [name for name, _ in found] == ["delta", "done"]
    assert found[1][1]["output"] == found[0][1]["text"]


@pytest.mark.parametrize("odd", [{"task": "title"}, {"variants": 2}, {"task": "embed"}])
async def test_what_is_no_single_text_is_not_told_in_pieces(
    odd: dict[str, object],
) -> None:
    app, log = served(SpokenGateway())

    refused = await ask(app, **odd)

    assert (refused.status_code, log.records) == (422, [])
    assert refused.json()["errors"][0]["pointer"] == "/stream"


async def test_a_client_that_goes_stops_the_provider_and_pays_for_what_came() -> None:
    gateway = SpokenGateway(words=1_000_000)
    ended: list[Answer] = []

    async def settled(last: Answer) -> None:
        ended.append(last)

    async def failed(wrong: Exception) -> None:
        raise AssertionError from wrong

    pieces = await Telling(
        gateway.stream(Ask(task="copy", input="x", tenant_id="t")), settled, failed
    ).open()
    assert await first(pieces) == Delta("w0 ")
    await pieces.aclose()  # type: ignore[attr-defined]
    await streaming.settled(5)

    assert gateway.open == 0
    assert 0 < len(gateway.told) < 1000
    assert ended[0].output == "".join(gateway.told)


async def test_who_reads_nothing_for_long_is_taken_for_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "STALL_S", 0.01)
    monkeypatch.setattr(streaming, "AHEAD", 1)
    gateway = SpokenGateway(words=1_000_000)
    ended: list[Answer] = []

    async def settled(last: Answer) -> None:
        ended.append(last)

    pieces = await Telling(
        gateway.stream(Ask(task="copy", input="x", tenant_id="t")), settled, settled
    ).open()  # type: ignore[arg-type]
    await streaming.settled(5)

    assert gateway.open == 0
    assert pieces is not None


async def first(pieces: AsyncIterator[Piece]) -> Piece:
    return await anext(pieces)
