"""Who has which key: asked of Postgres, remembered for a few seconds."""

import hashlib
from dataclasses import dataclass
from time import monotonic
from typing import Literal, TypeAlias

from psycopg.rows import dict_row

from api.rows import SET_TENANT
from streams.pools import Pool

Role: TypeAlias = Literal["admin", "operator", "viewer"]
KEPT_MAX = 10_000
KEY = "SELECT tenant, id, user_id, role, revoked FROM read.keys WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Principal:
    """`digest` is of the key it came with; empty for visitors, who have none."""

    tenant: str
    user_id: str
    role: str
    digest: str = ""

    @property
    def may_write(self) -> bool:
        return self.role in {"admin", "operator"}

    @property
    def auth_id(self) -> str:
        return f"{'visitor' if self.role == 'visitor' else 'user'}/{self.user_id}"


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Callers:
    """A key that was revoked is refused at the latest `keep_s` seconds later.

    Only keys that are good are remembered: a new one works at once, and nobody can
    fill this memory with guesses.
    """

    def __init__(self, pool: Pool, keep_s: float) -> None:
        self._pool = pool
        self._keep_s = keep_s
        self._kept: dict[str, tuple[float, Principal]] = {}

    async def find(self, digest: str) -> Principal | None:
        """None for a key nobody has and for one that was revoked."""
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        self._kept.pop(digest, None)
        found = await self._ask(digest)
        if found is not None:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[digest] = (monotonic() + self._keep_s, found)
        return found

    async def _ask(self, digest: str) -> Principal | None:
        async with self._pool.connection() as connection, connection.transaction():
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute("SELECT * FROM auth.key(%s)", (digest,))
            known = await cursor.fetchone()
            if known is None or not known["tenant"]:
                return None
            await cursor.execute(SET_TENANT, (known["tenant"],))
            await cursor.execute(KEY, (known["id"],))
            row = await cursor.fetchone()
        if row is None or row["revoked"]:
            return None
        user_id = row["user_id"] or row["id"]
        return Principal(row["tenant"], user_id, row["role"], digest)
