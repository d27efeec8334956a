"""Talking to ClickHouse: a client, and its tables made, missed and made anew."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from projections.analytics.project import TABLES
from projections.registry import ANALYTICS
from projections.serving import NeedsPerson

DATABASE = "contentops"
# UNKNOWN_TABLE and UNKNOWN_DATABASE: somebody dropped them.
DROPPED = frozenset({60, 81})
# Timeouts, too many queries, memory, too many parts: it recovers by itself.
BUSY = frozenset({159, 202, 209, 210, 241, 252})


def connect(url: str, user: str, password: str) -> Client:
    """Uncompressed: on one machine that is faster. Works without our database."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return clickhouse_connect.get_client(
        interface=parts.scheme or "http",
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (8443 if secure else 8123),
        username=user,
        password=password,
        compress=False,
        autogenerate_session_id=False,
        autogenerate_query_id=False,
        send_receive_timeout=60,
        settings={"async_insert": 0},
    )


@contextmanager
def told() -> Iterator[None]:
    """What ClickHouse says when it is away, as a sentence to wait by."""
    try:
        yield
    except OperationalError as wrong:
        raise NeedsPerson(f"Waiting for ClickHouse: {wrong}") from wrong
    except DatabaseError as wrong:
        code = _code(wrong)
        if code in DROPPED:
            raise NeedsPerson(
                "A table in ClickHouse is missing: run "
                "`contentops projection rebuild analytics`."
            ) from wrong
        if code in BUSY:
            raise NeedsPerson(f"ClickHouse is busy: {wrong}") from wrong
        raise


def _code(wrong: DatabaseError) -> int:
    found = re.search(r"code: (\d+)", str(wrong))
    return int(found.group(1)) if found else 0


def missing(client: Client) -> bool:
    """Whether at least one table is not there."""
    found = client.query(
        "SELECT count() FROM system.tables"
        " WHERE database = {db:String} AND name IN {names:Array(String)}",
        parameters={"db": DATABASE, "names": [table.name for table in TABLES]},
    )
    return int(found.result_rows[0][0]) < len(TABLES)


def recreate(client: Client) -> None:
    """Empty tables and fresh views; forget the positions afterwards."""
    client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
    client.database = DATABASE
    for table in TABLES:
        client.command(f"DROP TABLE IF EXISTS {DATABASE}.{table.name} SYNC")
    for statement in statements():
        client.command(statement)


def statements() -> list[str]:
    """The statements of table.sql, each for itself, in the right database."""
    text = (ANALYTICS.folder / "table.sql").read_text(encoding="utf-8")
    return [part for part in text.split(";\n") if part.strip()]
