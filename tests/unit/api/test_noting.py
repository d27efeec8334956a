"""What costs nothing is answered before the log hears of it, and is never forgotten."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from ai_adapter.gateway import Gateway
from api import noting
from api.noting import Notes
from schemas.envelope import Record
from schemas.observations import AnswersGiven, FreeAnswer
from schemas.registry import Data
from schemas.topics import TRACKING, Topic
from streams.log import Appended, NotAcknowledged
from unit.api.test_writes import KEY, NOW, FakeDecisions, FakeLog, application


def answer(number: int) -> FreeAnswer:
    return FreeAnswer(f"a{number}", NOW, "title", "template", "template-1", "hash")


def told(log: FakeLog) -> list[str]:
    bunches = (each.data for each in log.records)
    return [
        one.id
        for bunch in bunches
        if isinstance(bunch, AnswersGiven)
        for one in bunch.answers
    ]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "SOON_S", 0.0)
    monkeypatch.setattr(noting, "AGAIN_S", 0.0)


async def settled(notes: Notes) -> None:
    async with asyncio.timeout(5):
        await notes.told()


async def test_many_answers_are_one_record_of_their_tenant() -> None:
    log = FakeLog()
    notes = Notes(log.append, lambda: NOW)

    for number in range(3):
        notes.note("acme", answer(number))
    notes.note("globex", answer(9))
    assert log.records == []
    await settled(notes)

    assert [r.envelope.tenant for r in log.records] == ["acme", "globex"]
    assert told(log) == ["a0", "a1", "a2", "a9"]


async def test_what_the_log_did_not_take_is_told_again() -> None:
    log = FakeLog()
    calls = 0

    async def append(record: Record[Data], topic: Topic) -> Appended:
        nonlocal calls
        calls += 1
        assert topic == TRACKING
        if calls == 1:
            raise NotAcknowledged("timed out")
        return await log.append(record, topic)

    notes = Notes(append, lambda: NOW)
    notes.note("acme", answer(0))
    await settled(notes)

    assert (calls, told(log)) == (2, ["a0"])


async def test_there_is_no_room_for_more_than_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noting, "MOST", 2)
    notes = Notes(FakeLog().append, lambda: NOW)

    notes.note("acme", answer(0))
    assert notes.room()
    notes.note("acme", answer(1))

    assert not notes.room()
    await settled(notes)
    assert notes.room()


async def test_closing_tells_what_is_left() -> None:
    log = FakeLog()
    notes = Notes(log.append, lambda: NOW)
    notes.note("acme", answer(0))

    await notes.close()

    assert told(log) == ["a0"]


async def test_a_template_goes_out_without_a_decision_and_with_a_key_after_one() -> (
    None
):
    log = FakeLog()
    app = application(log, FakeDecisions(log))
    app.state.parts = replace(app.state.parts, gateway=Gateway())
    body = {"task": "title", "input": "a lamp"}

    async def ask(**headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        client = httpx.AsyncClient(transport=transport, base_url="http://edge")
        async with client:
            return await client.post(
                "/api/v1/ai/generate", json=body, headers={**KEY, **headers}
            )

    free = await ask()
    await settled(app.state.notes)

    assert (free.status_code, free.json()["degraded"]) == (200, True)
    assert len(free.json()["output"]) == 5
    assert (free.json()["usage"]["cost"], free.json()["taskId"]) == (0, "")
    assert [type(each.data) for each in log.records] == [AnswersGiven]
    kept = await ask(**{"Idempotency-Key": "k"})
    assert kept.json()["output"] == free.json()["output"]
    assert kept.json()["taskId"]
