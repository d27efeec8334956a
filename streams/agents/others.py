"""Tools that others run, as a job uses them: found by name, called, answered."""

from typing import Protocol

from msgspec import Struct
from psycopg.rows import class_row

from ai_adapter.base import Answer
from ai_adapter.price_book import FREE
from streams.agents.work import Impossible
from streams.pools import Pool

PREFIX = "x-"
KNOWN = """
SELECT name, url, tool_version, input, output, secret_ref FROM read.services
WHERE tenant = %s AND name = %s AND status = 'registered'
"""


class Registered(Struct, frozen=True):
    """A service as its tenant registered it; schemas are JSON texts."""

    name: str
    url: str
    tool_version: str
    input: str
    output: str
    secret_ref: str


class Known(Protocol):
    async def find(self, tenant: str, name: str) -> Registered | None: ...


class Calls(Protocol):
    """Asks a service once; raises what the work of a job raises."""

    async def call(
        self, tenant: str, service: Registered, wish: str, request_id: str
    ) -> str: ...


class KnownServices:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, tenant: str, name: str) -> Registered | None:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Registered))
            return await (await cursor.execute(KNOWN, (tenant, name))).fetchone()


class Others:
    """The tools `x-…`; what they cost is between the tenant and whoever runs them."""

    def __init__(self, known: Known, calls: Calls) -> None:
        self._known = known
        self._calls = calls

    async def use(self, tenant: str, name: str, wish: str, job_id: str) -> Answer:
        service = await self._known.find(tenant, name)
        if service is None:
            raise Impossible("tool_unknown", f"There is no service {name[:60]!r}.")
        output = await self._calls.call(tenant, service, wish, job_id)
        return Answer(
            output=output,
            usage=FREE,
            provider="service",
            model_name=f"{service.name}@{service.tool_version}",
            latency_ms=0,
            degraded=False,
            request_id=job_id,
            prompt_hash="",
            prompt_version="",
        )
