"""Which answers leave a body behind, and that no call waits or fails for one."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from ai_adapter.base import Ask, Call, Done, Reply, Spent
from ai_adapter.providers.factory import Endpoint
from infra import ai_audited
from infra.ai_audited import AuditedGateway, Keeper
from tests.contract.openai_server import serving


class Model:
    """Answers at once; is no network."""

    name = "local"

    async def ask(self, call: Call) -> Reply:
        return Reply("回答", Spent("m", 10, 5), "req-1")

    async def close(self) -> None: ...


class Told:
    """Bodies in memory; `broken` raises as a store does that is away."""

    def __init__(self, *, broken: bool = False) -> None:
        self.keys: list[str] = []
        self.broken = broken

    async def keep(self, key: str, *_: object) -> None:
        if self.broken:
            raise OSError("away")
        self.keys.append(key)


ASK = Ask(task="copy", input="x", tenant_id="acme", model="local/m", temperature=0)


@pytest.fixture
async def gateway() -> AsyncIterator[AuditedGateway]:
    endpoint = Endpoint("local", "m", "http://127.0.0.1:9/v1")
    opened = AuditedGateway([endpoint], made={"local": Model()})
    yield opened
    await opened.close()


async def test_a_call_names_the_body_that_it_leaves(gateway: AuditedGateway) -> None:
    told = Told()
    gateway.audited_by(Keeper(told))
    answer = await gateway.ask(ASK)
    await gateway.close()

    assert answer.body_key.startswith("acme/calls/")
    assert told.keys == [answer.body_key]


async def test_without_a_keeper_there_is_none(gateway: AuditedGateway) -> None:
    assert (await gateway.ask(ASK)).body_key == ""


async def test_a_template_leaves_none() -> None:
    told = Told()
    bare = AuditedGateway()
    bare.audited_by(Keeper(told))

    assert (await bare.ask(replace(ASK, model="auto"))).body_key == ""
    assert told.keys == []


async def test_a_store_that_is_away_costs_the_body_alone(
    gateway: AuditedGateway,
) -> None:
    gateway.audited_by(Keeper(Told(broken=True)))

    assert (await gateway.ask(ASK)).output == "回答"


async def test_more_bodies_than_the_store_can_take_are_not_kept(
    gateway: AuditedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ai_audited, "MOST_WAITING", 0)
    told = Told()
    gateway.audited_by(Keeper(told))

    assert (await gateway.ask(ASK)).body_key == ""


async def test_a_stream_names_it_at_its_end() -> None:
    told = Told()
    with serving() as server:
        endpoint = Endpoint("deepseek", "deepseek-flash", server.url, "sk-secret")
        streaming = AuditedGateway([endpoint])
        streaming.audited_by(Keeper(told))
        pieces = [piece async for piece in streaming.stream(replace(ASK, model="auto"))]
        await streaming.close()

    assert isinstance(pieces[-1], Done)
    assert told.keys == [pieces[-1].answer.body_key]
