"""What calls of models keep in the stores: keys of providers."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from infra import ai_keys
from infra.ai_keys import ProviderKeys
from infra.problem import Stop
from infra.settings import Settings
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
