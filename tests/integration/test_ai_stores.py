"""What calls of models keep in the stores: keys of providers, answers, bodies."""

from asyncio import gather, to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from ai_adapter.base import Answer, Ask, Attempt, Usage
from ai_adapter.cache import STALE, Cache, Kept
from infra import ai_answers, ai_keys
from infra.ai_audited import Keeper
from infra.ai_keys import ProviderKeys
from infra.problem import Stop
from infra.settings import PostgresRole, Settings
from infra.wiring import pool_of, storage
from schemas.clock import utc_now
from streams.answer_store import AnswerStore
from streams.call_bodies import FIELD, Bodies, Body, Terms, Text, key_of
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

        assert (await to_thread(ai_answers.purge, stack, tenant)).answers == 2
        assert await worker.sweep(now + timedelta(seconds=1)) >= 1
        assert await worker.get((other, "new")) is not None
        assert await worker.get((other, "old")) is None


SAID = "写给 13812345678，密钥 sk-abcdefghijklmnop"


async def test_a_body_is_redacted_sealed_as_it_was_and_gone_after_its_day(
    stack: Settings, ring: Keyring, tenant: str
) -> None:
    objects, now = storage(stack), utc_now()
    ask = Ask(task="copy", input=SAID, tenant_id=tenant, person_id="lin")
    made = answer("好的，13812345678")
    key = key_of(ask, made, now)
    async with pool_of(stack, "api", largest=2) as rows:
        terms = Terms(timedelta(days=1), raw=True)
        await Bodies(rows, objects, ring, terms).keep(key, ask, made, now)
    body = await objects.get_json(key, Body)

    assert body.text == Text(("写给 [phone]，密钥 [key]",), ("好的，[phone]",))
    assert body.until - body.at == timedelta(days=1)
    assert body.sealed is not None
    raw = await ring.open(tenant, body.sealed, FIELD)
    assert raw is not None
    assert msgspec.json.decode(raw, type=Text) == Text((SAID,), ("好的，13812345678",))
    assert b"13812345678" not in await objects.get_bytes(key)

    async with pool_of(stack, "worker", largest=2) as rows:
        swept = Bodies(rows, objects, ring, Terms(timedelta(days=1)))
        await swept.sweep(now + timedelta(hours=23))
        assert await objects.head(key) is not None
        assert await swept.sweep(now + timedelta(hours=25)) >= 1
        assert await objects.head(key) is None


async def test_a_call_names_its_body_and_a_purge_removes_it(
    stack: Settings, ring: Keyring, tenant: str
) -> None:
    objects = storage(stack)
    ask = Ask(task="copy", input=SAID, tenant_id=tenant)
    async with pool_of(stack, "worker", largest=2) as rows:
        keeper = Keeper(Bodies(rows, objects, ring, Terms(timedelta(days=1))))
        attempt = Attempt("p", "m", "answered", 5)
        key = keeper.keep(ask, replace(answer("x"), attempts=(attempt,)))
        await keeper.close()

        assert key.startswith(f"{tenant}/calls/")
        assert (await objects.get_json(key, Body)).sealed is None
        assert (await to_thread(ai_answers.purge, stack, tenant)).bodies == 1
        assert await objects.head(key) is None
