"""The rows publication jobs read, straight from the live read models."""

from psycopg.rows import class_row

from streams.agents.posting import AccountRow, PublicationRow
from streams.pools import Pool

PUBLICATION = """
SELECT id, status, platform, account_id, title, coalesce(text, '') AS text,
  coalesce(tags, '{}') AS tags, mp4_key, coalesce(cover_key, '') AS cover_key,
  coalesce(item_id, '') AS item_id, coalesce(intent_token, '') AS intent_token,
  intended_at, call_before, settle_after
FROM read.publications WHERE tenant = %s AND id = %s
"""
ACCOUNT = """
SELECT id, open_id, coalesce(secret_ref, '') AS secret_ref
FROM read.accounts WHERE tenant = %s AND id = %s
"""


class PostgresRows:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def publication(self, tenant: str, id_: str) -> PublicationRow | None:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(PublicationRow))
            return await (await cursor.execute(PUBLICATION, (tenant, id_))).fetchone()

    async def account(self, tenant: str, id_: str) -> AccountRow | None:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(AccountRow))
            return await (await cursor.execute(ACCOUNT, (tenant, id_))).fetchone()
