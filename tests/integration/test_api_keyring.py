"""The keyring on real Postgres: sealed per person, erased for ever, shared, bounded."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from infra.settings import Settings
from streams.keyring import KeyMissing, Keyring, SecretMissing, Tampered
from streams.pools import Pool, open_pool

MASTER = b"m" * 32


@pytest.fixture(scope="module")
async def pool(stack: Settings) -> AsyncIterator[Pool]:
    conninfo = stack.dsn("keys", "contentops_keys")
    async with open_pool(conninfo, smallest=1, largest=4) as opened:
        yield opened


@pytest.fixture
def tenant() -> str:
    return f"k-{uuid4().hex[:8]}"


def change(settings: Settings, tenant: str, statement: str) -> None:
    with psycopg.connect(settings.dsn("keys", "contentops_keys")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (tenant,))
        connection.execute(statement, (tenant,))  # type: ignore[arg-type]  # test SQL


ERASE = (
    "UPDATE keyring.keys SET wrapped = NULL, erased_at = now() "
    "WHERE tenant = %s AND subject_id <> ''"
)
LOSE = "DELETE FROM keyring.keys WHERE tenant = %s AND subject_id <> ''"


async def test_another_process_opens_what_this_one_sealed(
    pool: Pool, tenant: str
) -> None:
    sealed = await Keyring(pool, MASTER).seal(tenant, "lin", "contact", b"138")

    assert await Keyring(pool, MASTER).open(tenant, sealed, "contact") == b"138"


async def test_another_field_or_tenant_does_not_open_it(
    pool: Pool, tenant: str
) -> None:
    ring = Keyring(pool, MASTER)
    sealed = await ring.seal(tenant, "lin", "contact", b"138")

    with pytest.raises(Tampered):
        await ring.open(tenant, sealed, "message")
    with pytest.raises(KeyMissing):
        await ring.open("somebody", sealed, "contact")


async def test_two_that_draw_at_once_get_the_same_key(pool: Pool, tenant: str) -> None:
    rings = [Keyring(pool, MASTER) for _ in range(8)]

    sealed = await asyncio.gather(
        *(ring.seal(tenant, "lin", "contact", b"138") for ring in rings)
    )

    for one in sealed:
        assert await rings[0].open(tenant, one, "contact") == b"138"


async def test_an_erased_person_reads_as_nothing_and_is_never_sealed_again(
    stack: Settings, pool: Pool, tenant: str
) -> None:
    sealed = await Keyring(pool, MASTER).seal(tenant, "lin", "contact", b"138")
    change(stack, tenant, ERASE)

    fresh = Keyring(pool, MASTER)
    assert await fresh.open(tenant, sealed, "contact") is None
    with pytest.raises(KeyMissing):
        await fresh.seal(tenant, "lin", "contact", b"138")


async def test_a_lost_key_stops_the_reader(
    stack: Settings, pool: Pool, tenant: str
) -> None:
    sealed = await Keyring(pool, MASTER).seal(tenant, "lin", "contact", b"138")
    change(stack, tenant, LOSE)

    with pytest.raises(KeyMissing):
        await Keyring(pool, MASTER).open(tenant, sealed, "contact")


async def test_another_master_key_opens_nothing(pool: Pool, tenant: str) -> None:
    sealed = await Keyring(pool, MASTER).seal(tenant, "lin", "contact", b"138")

    with pytest.raises(Tampered):
        await Keyring(pool, b"x" * 32).open(tenant, sealed, "contact")


async def test_a_secret_is_replaced_under_its_reference(
    stack: Settings, pool: Pool, tenant: str
) -> None:
    ring = Keyring(pool, MASTER)
    ref = await ring.put_secret(tenant, "account/1", b"first-token")

    assert await ring.put_secret(tenant, "account/1", b"second-token") == ref
    assert await ring.get_secret(tenant, ref) == b"second-token"
    with pytest.raises(SecretMissing):
        await ring.get_secret("somebody", ref)
    with psycopg.connect(stack.dsn("owner", "contentops_keys")) as connection:
        kept = connection.execute("SELECT cipher FROM secrets.sealed").fetchall()
    assert not any(b"token" in bytes(row[0]) for row in kept)


async def test_codes_differ_between_tenants(pool: Pool, tenant: str) -> None:
    ring = Keyring(pool, MASTER)

    code = await ring.mac(tenant, b"body")

    assert code == await Keyring(pool, MASTER).mac(tenant, b"body")
    assert code != await ring.mac(tenant, b"other body")
    assert code != await ring.mac(f"{tenant}-2", b"body")
