"""Postgres pools of the asyncio roles, sized by settings."""

from typing import TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

WAITING_PER_CONNECTION = 50
Pool: TypeAlias = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


def open_pool(
    conninfo: str,
    *,
    smallest: int = 5,
    largest: int = 20,
    wait_s: float = 30,
    idle_s: float = 600,
    life_s: float = 1800,
) -> Pool:
    """Not open yet: use it with `async with`. No prepared plans on read models.

    Whoever comes while fifty wait for each connection gets OperationalError at once.
    """
    return AsyncConnectionPool(
        conninfo,
        min_size=smallest,
        max_size=largest,
        timeout=wait_s,
        max_waiting=largest * WAITING_PER_CONNECTION,
        max_idle=idle_s,
        max_lifetime=life_s,
        open=False,
        kwargs={"autocommit": False, "prepare_threshold": None},
    )
