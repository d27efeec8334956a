"""What was asked and answered, for whoever has to look into a call later.

A body is redacted; the text as it was may lie beside it, sealed for the person who
asked. Both lie in the object store until a day that is written down with them.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ai_adapter.base import Answer, Ask
from ai_adapter.redaction import redacted
from schemas.ids import derived
from schemas.jobs import Sealed
from streams.keyring import KeyMissing
from streams.pools import Pool

FIELD = "call-body"
SET_TENANT = "SELECT set_config('app.tenant', %s, true)"
INSERT = """
INSERT INTO answers.bodies (tenant, key, until) VALUES (%s, %s, %s)
ON CONFLICT (tenant, key) DO NOTHING
"""
ENDED = "SELECT tenant, key FROM answers.bodies WHERE until < %s LIMIT 500"
OF_TENANT = "SELECT tenant, key FROM answers.bodies WHERE tenant = %s LIMIT 500"
FORGET = "DELETE FROM answers.bodies WHERE key = ANY (%s)"


class Objects(Protocol):
    async def put_json(self, key: str, value: object) -> None: ...
    async def delete(self, keys: Sequence[str]) -> None: ...


class Seals(Protocol):
    async def seal(
        self, tenant: str, subject_id: str, field: str, plain: bytes
    ) -> Sealed: ...


class Text(Struct, frozen=True):
    """What went in and what came out."""

    asked: tuple[str, ...]
    answered: tuple[str, ...]


class Body(Struct, frozen=True, kw_only=True):
    """`text` is redacted; `sealed` is the same text as it was, as JSON."""

    at: datetime
    until: datetime
    task: str
    tool: str
    scene: str
    model: str
    prompt: str
    digest: str
    request_id: str
    parameters: dict[str, float]
    text: Text
    sealed: Sealed | None = None


class Terms(Struct, frozen=True):
    """How long bodies are kept, and whether the text as it was is too."""

    span: timedelta
    raw: bool = False


class Bodies:
    """Raises what the stores raise: whoever keeps bodies does it beside the call."""

    def __init__(
        self, pool: Pool, objects: Objects, seals: Seals, terms: Terms
    ) -> None:
        self._pool = pool
        self._objects = objects
        self._seals = seals
        self._terms = terms

    async def keep(self, key: str, ask: Ask, answer: Answer, at: datetime) -> None:
        """The note of it comes first: no body is left that nobody knows of."""
        text = text_of(ask, answer)
        sealed = await self._sealed(ask, text) if self._terms.raw else None
        until = at + self._terms.span
        async with self._as_tenant(ask.tenant_id) as connection:
            await connection.execute(INSERT, (ask.tenant_id, key, until))
        body = _body(ask, answer, (at, until))
        whole = msgspec.structs.replace(body, text=_redacted(text), sealed=sealed)
        await self._objects.put_json(key, whole)

    async def sweep(self, now: datetime) -> int:
        """Removes bodies whose day has come; needs a role that sees all tenants."""
        return await self._remove(ENDED, now)

    async def purge(self, tenant: str) -> int:
        """Removes all bodies of a tenant."""
        return await self._remove(OF_TENANT, tenant)

    async def _sealed(self, ask: Ask, text: Text) -> Sealed | None:
        """None for a person who was erased: nothing of them may be kept."""
        plain = msgspec.json.encode(text)
        try:
            return await self._seals.seal(ask.tenant_id, ask.person_id, FIELD, plain)
        except KeyMissing:
            return None

    async def _remove(self, query: str, of: str | datetime) -> int:
        removed = 0
        while True:
            async with self._as_tenant("") as connection:
                found = await connection.execute(query.encode(), (of,))
                keys = [str(row[1]) for row in await found.fetchall()]
            if not keys:
                return removed
            await self._objects.delete(keys)
            async with self._as_tenant("") as connection:
                await connection.execute(FORGET, (keys,))
            removed += len(keys)

    @asynccontextmanager
    async def _as_tenant(self, tenant: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
        async with self._pool.connection() as connection:
            await connection.execute(SET_TENANT, (tenant,))
            yield connection


def key_of(ask: Ask, answer: Answer, at: datetime) -> str:
    """Under the tenant's own prefix, by day."""
    told = (answer.request_id, answer.prompt_hash, at.isoformat())
    return f"{ask.tenant_id}/calls/{at:%Y-%m-%d}/{derived('call-body', *told)}.json"


def text_of(ask: Ask, answer: Answer) -> Text:
    """Vectors are no text; neither are pictures and sounds."""
    asked = (ask.input,) if isinstance(ask.input, str) else ask.input
    said = tuple(each.content for each in ask.messages)
    out = (answer.output,) if isinstance(answer.output, str) else answer.output
    calls = tuple(f"{each.name}({each.arguments})" for each in answer.functions)
    texts = tuple(each for each in out if isinstance(each, str))
    return Text(said or asked, (*texts, *calls))


def _redacted(text: Text) -> Text:
    return Text(tuple(map(redacted, text.asked)), tuple(map(redacted, text.answered)))


def _body(ask: Ask, answer: Answer, span: tuple[datetime, datetime]) -> Body:
    return Body(
        at=span[0],
        until=span[1],
        task=ask.task,
        tool=ask.tool,
        scene=ask.scene,
        model=f"{answer.provider}/{answer.model_name}",
        prompt=answer.prompt_version,
        digest=answer.prompt_hash,
        request_id=answer.request_id,
        parameters={
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "max_tokens": ask.max_tokens,
        },
        text=Text((), ()),
    )
