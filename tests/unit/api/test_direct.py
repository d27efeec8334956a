"""Direct AI calls: a bounded number at a time, refused before anything is asked for."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from ai_adapter.base import Answer, Ask
from ai_adapter.gateway import Gateway
from api.asking import LONGEST
from api.direct import Direct
from api.problems import Problem
from schemas.commands.job import RequestJob
from unit.api.test_writes import KEY, NOW, FakeDecisions, FakeLog, application


class SlowGateway:
    """Answers as the template provider does, once it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def ready(self, ask: Ask) -> Answer | None:
        return None

    async def ask(self, ask: Ask) -> Answer:
        self.asked.set()
        await self.answer.wait()
        return await Gateway().ask(ask)


async def ask(app: FastAPI, **more: object) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        body = {"task": "copy", "input": "a lamp"} | more
        return await client.post("/api/v1/ai/generate", json=body, headers=KEY)


async def test_a_full_process_refuses_before_anything_is_on_the_log() -> None:
    log, gateway = FakeLog(), SlowGateway()
    app = application(log, FakeDecisions(log))
    app.state.parts = replace(
        app.state.parts, gateway=gateway, direct=Direct(most=5, per_tenant=1)
    )
    first = asyncio.create_task(ask(app))
    await gateway.asked.wait()
    sent = len(log.records)

    refused = await ask(app)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json()["type"].endswith("direct_full")
    assert len(log.records) == sent
    gateway.answer.set()
    assert (await first).status_code == 200
    assert (await ask(app)).status_code == 200


async def test_a_direct_job_ends_by_itself_if_its_process_does_not_end_it() -> None:
    log, gateway = FakeLog(), SlowGateway()
    gateway.answer.set()
    app = application(log, FakeDecisions(log))
    app.state.parts = replace(app.state.parts, gateway=gateway)

    assert (await ask(app)).status_code == 200

    wish = log.records[0].data
    assert isinstance(wish, RequestJob)
    assert wish.deadline == NOW + LONGEST > NOW + timedelta(minutes=1)


async def test_a_direct_call_has_no_place_in_a_line() -> None:
    log = FakeLog()

    refused = await ask(application(log, FakeDecisions(log)), job={"priority": 3})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/job"
    assert log.records == []


def test_one_tenant_leaves_room_for_others_and_all_together_have_a_limit() -> None:
    direct = Direct(most=3, per_tenant=2)

    with direct.call("a"), direct.call("a"):
        with pytest.raises(Problem, match="This tenant has 2"), direct.call("a"):
            pass
        with (
            direct.call("b"),
            pytest.raises(Problem, match="This process"),
            direct.call("c"),
        ):
            pass
    with direct.call("a"):
        pass
