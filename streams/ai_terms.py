"""What the log says of a tenant's AI calls: its routing, and if money is limited."""

import time
from collections.abc import Callable, Collection

import msgspec
import structlog
from msgspec import Struct
from psycopg.rows import TupleRow

from ai_adapter.base import Ask
from ai_adapter.policies import DEFAULT, Policy
from streams.pools import Pool
from streams.together import Together

log = structlog.get_logger()

FRESH_S = 0.5
"""So long an answer is believed: with the projector's delay still below a second."""
KEPT_MAX = 10_000
TENANT = "SELECT set_config('app.tenant', %s, true)"
SELECT = """
SELECT EXISTS (SELECT FROM read.budgets WHERE jsonb_array_length(limits) > 0),
  v.name, v.number, v.document
FROM (SELECT) one LEFT JOIN (
  SELECT v.name, v.number, v.document FROM read.policies p
  JOIN read.policy_versions v ON v.policy_id = p.id AND v.number = p.live LIMIT 1
) v ON true
"""


class AiTerms(Struct, frozen=True):
    """`limited`: its calls have to ask the budget first."""

    limited: bool = False
    policy: Policy = DEFAULT


class Kept(Struct, frozen=True):
    until: float
    terms: AiTerms


class Unlimited:
    """Nobody has limits, and the built-in routing counts."""

    async def look(self, _tenant: str) -> AiTerms:
        return AiTerms()


class TenantTerms:
    """Asked once in a while for each tenant that calls; one per process.

    Serves the gateway as its policies: whoever calls looks first.
    """

    def __init__(
        self, pool: Pool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._kept: dict[str, Kept] = {}
        self._looks = Together(self._look_all)

    async def look(self, tenant: str) -> AiTerms:
        """As they were at most `FRESH_S` ago."""
        kept = self._kept.get(tenant)
        if kept is not None and kept.until > self._monotonic():
            return kept.terms
        found = await self._looks.ask(tenant) or AiTerms()
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[tenant] = Kept(self._monotonic() + FRESH_S, found)
        return found

    def policy(self, ask: Ask) -> Policy:
        """As somebody last saw it; the built-in one for a tenant nobody looked at."""
        kept = self._kept.get(ask.tenant_id)
        return kept.terms.policy if kept else DEFAULT

    async def _look_all(self, tenants: Collection[str]) -> dict[str, AiTerms]:
        async with self._pool.connection() as connection:
            found = {}
            for tenant in tenants:
                async with connection.transaction():
                    await connection.execute(TENANT, (tenant,))
                    row = await (await connection.execute(SELECT)).fetchone()
                found[tenant] = _terms(row) if row else AiTerms()
            return found


def _terms(row: TupleRow) -> AiTerms:
    limited, name, number, document = row
    if document is None:
        return AiTerms(limited=limited)
    return AiTerms(limited, read_policy(name, number, document))


def read_policy(name: str, number: int, document: str) -> Policy:
    """What a newer build wrote, and this one cannot read, is the built-in document."""
    try:
        return policy_of(name, number, document)
    except msgspec.ValidationError:
        words = "A policy cannot be read: the built-in one counts."
        log.exception(words, action="route", policy=f"{name}@{number}")
        return DEFAULT


def policy_of(name: str, number: int, document: str) -> Policy:
    """Raises msgspec.ValidationError for what is no routing document."""
    found = msgspec.json.decode(document, type=dict[str, object])
    return msgspec.convert(found | {"name": name, "version": number}, Policy)
