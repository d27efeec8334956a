"""Keys of persons and secrets of tenants, in a database of their own.

    master key (a file)  wraps  one key per tenant  wraps  one key per person

A person is forgotten by destroying that person's key; the row stays and says when.
A key that is missing without such a row is a loss of data: reading stops there.
"""

import base64
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import LiteralString

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.ids import derived
from schemas.jobs import Sealed
from streams.pools import Pool

KEEP_S = 300.0
_NONCE_BYTES = 12
_CACHE_MAX = 10_000
# Where the key of the codes is remembered, and what it is made for.
_MAC = "body-mac"

SET_TENANT = "SELECT set_config('app.tenant', %s, true)"
SELECT_KEY = """
SELECT wrapped, erased_at, subject_id FROM keyring.keys
WHERE tenant = %s AND key_id = %s
"""
INSERT_KEY = """
INSERT INTO keyring.keys (tenant, key_id, subject_id, wrapped)
VALUES (%s, %s, %s, %s) ON CONFLICT (tenant, key_id) DO NOTHING
"""
SELECT_SEALED = """
SELECT nonce, cipher FROM secrets.sealed WHERE tenant = %s AND ref = %s
"""
PUT_SEALED = """
INSERT INTO secrets.sealed (tenant, ref, name, nonce, cipher)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant, ref) DO UPDATE
SET nonce = excluded.nonce, cipher = excluded.cipher, updated_at = clock_timestamp()
"""
DROP_SEALED = "DELETE FROM secrets.sealed WHERE tenant = %s AND ref = %s RETURNING ref"
NAMED = """
SELECT tenant, name, updated_at FROM secrets.sealed
WHERE starts_with(name, %s) ORDER BY tenant, name
"""


class KeyMissing(Exception):
    """A key is gone that nobody erased: restore the keyring before reading on."""


class SecretMissing(Exception):
    """No secret under this reference: connect the account again."""


class Tampered(Exception):
    """Not what was sealed, or not sealed for this place: do not use it."""


@dataclass(frozen=True, slots=True)
class Named:
    """That there is a secret, and since when; not what it is."""

    tenant: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    key: bytes
    until: float


class Keyring:
    """Safe to share between tasks of one loop."""

    def __init__(self, pool: Pool, master: bytes) -> None:
        self._pool = pool
        self._master = master
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def seal(
        self, tenant: str, subject_id: str, field: str, plain: bytes
    ) -> Sealed:
        """Draws the person's key at first use; raises KeyMissing once it was erased."""
        key_id = derived("data-key", tenant, subject_id)
        key = await self._draw(tenant, key_id, subject_id)
        nonce, cipher = _encrypt(key, plain, _place(tenant, key_id, field))
        return Sealed(key_id, _text(nonce), _text(cipher))

    async def open(self, tenant: str, sealed: Sealed, field: str) -> bytes | None:
        """None for an erased person; raises KeyMissing or Tampered."""
        key = await self._find(tenant, sealed.key_id)
        if key is None:
            return None
        nonce, cipher = _bytes(sealed.nonce), _bytes(sealed.cipher)
        return _decrypt(key, nonce, cipher, _place(tenant, sealed.key_id, field))

    async def put_secret(self, tenant: str, name: str, plain: bytes) -> str:
        """The reference for events; the same name replaces the earlier secret."""
        ref = derived("secret", tenant, name)
        key = await self._tenant_key(tenant)
        nonce, cipher = _encrypt(key, plain, _place(tenant, ref, "secret"))
        await self._write(tenant, PUT_SEALED, (tenant, ref, name, nonce, cipher))
        return ref

    async def get_secret(self, tenant: str, ref: str) -> bytes:
        """Raises SecretMissing or Tampered."""
        row = await self._read(tenant, SELECT_SEALED, (tenant, ref))
        if row is None:
            raise SecretMissing(ref)
        key = await self._tenant_key(tenant)
        place = _place(tenant, ref, "secret")
        return _decrypt(key, bytes(row[0]), bytes(row[1]), place)

    async def drop_secret(self, tenant: str, name: str) -> bool:
        """False when there was none."""
        ref = derived("secret", tenant, name)
        return await self._read(tenant, DROP_SEALED, (tenant, ref)) is not None

    async def named(self, beginning: str) -> list[Named]:
        """Of all tenants; only a role that row-level security lets pass sees them."""
        async with self._pool.connection() as connection:
            rows = await connection.execute(NAMED, (beginning,))
            return [Named(*row) for row in await rows.fetchall()]

    async def mac(self, tenant: str, message: bytes) -> str:
        """Tells equal messages of one tenant apart from others, and nobody else."""
        key = self._cached(tenant, _MAC)
        if key is None:
            whole = await self._tenant_key(tenant)
            key = hmac.digest(whole, _MAC.encode(), "sha256")
            self._keep(tenant, _MAC, key)
        return hmac.digest(key, message, "sha256").hex()

    async def _tenant_key(self, tenant: str) -> bytes:
        return await self._draw(tenant, derived("tenant-key", tenant), "")

    async def _draw(self, tenant: str, key_id: str, subject_id: str) -> bytes:
        """Two processes may draw at once: the first row wins and both read it."""
        kept = self._cached(tenant, key_id)
        if kept is not None:
            return kept
        if await self._row(tenant, key_id) is None:
            wrapper = await self._wrapper(tenant, subject_id)
            fresh = AESGCM.generate_key(bit_length=256)
            wrapped = b"".join(_encrypt(wrapper, fresh, _place(tenant, key_id, "key")))
            values = (tenant, key_id, subject_id, wrapped)
            await self._write(tenant, INSERT_KEY, values)
        key = await self._find(tenant, key_id)
        if key is None:
            raise KeyMissing(f"the key of {subject_id} was erased; nothing is sealed")
        return key

    async def _find(self, tenant: str, key_id: str) -> bytes | None:
        kept = self._cached(tenant, key_id)
        if kept is not None:
            return kept
        row = await self._row(tenant, key_id)
        if row is None:
            raise KeyMissing(f"{key_id} of {tenant} is not in the keyring")
        wrapped, erased_at, subject_id = row
        if erased_at is not None:
            return None
        if wrapped is None:
            raise KeyMissing(f"{key_id} of {tenant} is empty but was not erased")
        return await self._unwrap(tenant, key_id, subject_id, wrapped)

    async def _unwrap(
        self, tenant: str, key_id: str, subject_id: str, wrapped: bytes
    ) -> bytes:
        wrapper = await self._wrapper(tenant, subject_id)
        nonce, cipher = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        key = _decrypt(wrapper, nonce, cipher, _place(tenant, key_id, "key"))
        self._keep(tenant, key_id, key)
        return key

    def _keep(self, tenant: str, key_id: str, key: bytes) -> None:
        if len(self._kept) >= _CACHE_MAX:
            self._kept.clear()
        self._kept[(tenant, key_id)] = _Kept(key, monotonic() + KEEP_S)

    def _cached(self, tenant: str, key_id: str) -> bytes | None:
        kept = self._kept.get((tenant, key_id))
        return kept.key if kept is not None and kept.until > monotonic() else None

    async def _wrapper(self, tenant: str, subject_id: str) -> bytes:
        return await self._tenant_key(tenant) if subject_id else self._master

    async def _row(
        self, tenant: str, key_id: str
    ) -> tuple[bytes | None, datetime | None, str] | None:
        row = await self._read(tenant, SELECT_KEY, (tenant, key_id))
        if row is None:
            return None
        return (None if row[0] is None else bytes(row[0])), row[1], row[2]

    async def _read(
        self, tenant: str, query: LiteralString, values: tuple[str, ...]
    ) -> TupleRow | None:
        async with self._as_tenant(tenant) as connection:
            return await (await connection.execute(query, values)).fetchone()

    async def _write(
        self, tenant: str, query: LiteralString, values: tuple[str | bytes, ...]
    ) -> None:
        async with self._as_tenant(tenant) as connection:
            await connection.execute(query, values)

    @asynccontextmanager
    async def _as_tenant(self, tenant: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Even this database shows a role the rows of one tenant only."""
        async with self._pool.connection() as connection, connection.pipeline():
            await connection.execute(SET_TENANT, (tenant,))
            yield connection


def _place(tenant: str, key_id: str, field: str) -> bytes:
    return f"{tenant}|{key_id}|{field}".encode()


def _encrypt(key: bytes, plain: bytes, place: bytes) -> tuple[bytes, bytes]:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce, AESGCM(key).encrypt(nonce, plain, place)


def _decrypt(key: bytes, nonce: bytes, cipher: bytes, place: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, cipher, place)
    except (InvalidTag, ValueError) as wrong:
        raise Tampered(place.decode()) from wrong


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
