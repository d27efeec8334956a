"""What calls of models keep in the stores: keys of providers, answers."""

from asyncio import gather, to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from ai_adapter.base import Answer, Usage
from ai_adapter.cache import STALE, Cache, Kept
from infra import ai_answers, ai_keys
from infra.ai_keys import ProviderKeys
from infra.problem import Stop
from infra.settings import PostgresRole, Settings
from infra.wiring import pool_of
from schemas.clock import utc_now
from streams.answer_store import AnswerStore
from streams.keyring import Keyring
from streams.pools import open_pool

KEY = "sk-never-printed-0123456789"


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid4().hex[:8]}"


@pytest.fixture
async def ring(stack: Settings) -> AsyncIterator[Keyring]:
    conninfo = stack.dsn("keys", "contentops_keys")
    async with open_pool(conninfo, smallest=1, largest=2) as pool:
        yield Keyring(pool, stack.master_key())


async def test_a_key_is_set_used_at_once_listed_and_removed(
    stack: Settings, ring: Keyring, tenant: str
) -> None:
    provider, now = f"p{uuid4().hex[:8]}", [0.0]
    keys = ProviderKeys(ring, clock=lambda: now[0])
    assert await keys.key(tenant, provider) == ""

    for typed, own in (("sk-of-everybody\n", None), (f" {KEY}\n", tenant)):
        await to_thread(ai_keys.put, stack, provider, own, typed)
    now[0] += 1
    assert await keys.key(tenant, provider) == KEY
    assert await keys.key("another", provider) == "sk-of-everybody"

    listed = [
        each for each in await to_thread(ai_keys.lines, stack) if provider in each
    ]
    assert len(listed) == 2
    assert "everybody" in listed[0]
    assert tenant in listed[1]
    assert "sk-" not in "".join(listed)

    await to_thread(ai_keys.remove, stack, provider, tenant)
    now[0] += 1
    assert await keys.key(tenant, provider) == "sk-of-everybody"
    with pytest.raises(Stop, match="no key"):
        await to_thread(ai_keys.remove, stack, provider, tenant)


async def test_a_key_is_nowhere_in_clear(stack: Settings, tenant: str) -> None:
    await to_thread(ai_keys.put, stack, "openai", tenant, KEY)

    with psycopg.connect(stack.dsn("keys", "contentops_keys")) as connection:
        rows = connection.execute(
            "SELECT name || encode(cipher, 'escape') FROM secrets.sealed"
        ).fetchall()
    assert rows
    assert not [row for row in rows if KEY in row[0]]


def answer(text: str) -> Answer:
    usage = Usage(10, 5, Decimal("0.1"), "CNY")
    return Answer(text, usage, "p", "m", 5, False, "r", "h", "v")


@asynccontextmanager
async def store(stack: Settings, role: PostgresRole) -> AsyncIterator[AnswerStore]:
    async with pool_of(stack, role, largest=4) as pool:
        yield AnswerStore(pool)


async def test_processes_share_answers_and_tenants_do_not(
    stack: Settings, tenant: str
) -> None:
    async with store(stack, "api") as edge, store(stack, "worker") as worker:
        one, other = Cache(edge), Cache(worker)
        await one.keep("k", tenant, answer("mine"))

        assert await other.kept("k", tenant) == answer("mine")
        assert await other.kept("k", f"{tenant}x") is None
        assert await edge.get((f"{tenant}x", "k")) is None


async def test_two_processes_that_ask_at_once_pay_once(
    stack: Settings, tenant: str
) -> None:
    made = []
    async with store(stack, "api") as edge, store(stack, "worker") as worker:
        caches = [Cache(edge), Cache(worker)]

        async def ask(cache: Cache) -> Answer:
            async def make() -> Answer:
                made.append(1)
                await cache.keep("k", tenant, answer("once"))
                return answer("once")

            return await cache.once("k", tenant, make)

        found = await gather(*(ask(cache) for cache in caches * 5))

    assert {each.output for each in found} == {"once"}
    assert len(made) == 1


async def test_a_claim_that_nobody_releases_ends(stack: Settings, tenant: str) -> None:
    async with store(stack, "api") as edge:
        assert await edge.claim((tenant, "k"), timedelta(seconds=30))
        assert not await edge.claim((tenant, "k"), timedelta(seconds=30))
        await edge.release((tenant, "k"))
        assert await edge.claim((tenant, "k"), timedelta(0))
        assert await edge.claim((tenant, "k"), timedelta(0))
        assert await edge.get((tenant, "k")) is None


async def test_a_purge_is_of_one_tenant_and_a_sweep_of_what_is_old(
    stack: Settings, tenant: str
) -> None:
    now, other = utc_now(), f"{tenant}-other"
    async with store(stack, "worker") as worker:
        for scope in (tenant, other):
            await worker.put((scope, "new"), Kept(answer("x"), now))
            await worker.put((scope, "old"), Kept(answer("x"), now - STALE))

        assert await to_thread(ai_answers.purge, stack, tenant) == 2
        assert await worker.sweep(now + timedelta(seconds=1)) >= 1
        assert await worker.get((other, "new")) is not None
        assert await worker.get((other, "old")) is None
