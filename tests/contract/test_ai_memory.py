"""What a gateway holds does not grow with what it was asked."""

import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from ai_adapter.base import Answer, Ask
from ai_adapter.gateway import Gateway
from ai_adapter.providers.factory import Endpoint
from tests.contract.openai_server import OpenAIServer, serving


class OwnKeys:
    """Each tenant has a key of its own."""

    async def key(self, tenant: str, provider: str) -> str:
        return f"{provider}-{tenant}"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
async def gateway(server: OpenAIServer) -> AsyncIterator[Gateway]:
    server.clear()
    made = Gateway([Endpoint("deepseek", "flash", server.url)], keys=OwnKeys())
    yield made
    await made.close()


def asking(number: int) -> Ask:
    return Ask(task="reply", input=f"question {number}", tenant_id=f"t{number}")


def alive(kind: type) -> int:
    gc.collect()
    return sum(isinstance(each, kind) for each in gc.get_objects())


async def both_ways(gateway: Gateway, ask: Ask) -> None:
    await gateway.ask(ask)
    async for _ in gateway.stream(ask):
        pass


async def test_nothing_is_kept_of_an_ask_once_it_is_answered(gateway: Gateway) -> None:
    before = alive(Ask), alive(Answer)
    for number in range(20):
        await both_ways(gateway, asking(number))

    assert (alive(Ask), alive(Answer)) == before


async def test_many_tenants_with_keys_of_their_own_share_one_client(
    gateway: Gateway, server: OpenAIServer
) -> None:
    import openai

    before = alive(openai.AsyncOpenAI)
    for number in range(20):
        await gateway.ask(asking(number))

    assert alive(openai.AsyncOpenAI) == before
    keys = {headers["authorization"] for headers in server.headers}
    assert keys == {f"Bearer deepseek-t{number}" for number in range(20)}
