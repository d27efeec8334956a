"""Talking to ClickHouse: a client, and what its errors ask for."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from projections.serving import NeedsPerson

DATABASE = "contentops"
# UNKNOWN_TABLE and UNKNOWN_DATABASE: somebody dropped them.
DROPPED = frozenset({60, 81})
# Timeouts, too many queries, memory, too many parts: it recovers by itself.
BUSY = frozenset({159, 202, 209, 210, 241, 252})
# ACCESS_DENIED, and a storage of users that takes no new ones.
NOT_ALLOWED = frozenset({495, 497})
# Of a value that no table of this shape will ever take; everything else may pass.
REFUSED = frozenset(
    {6, 25, 26, 27, 38, 41, 42, 53, 69, 70, 72, 117, 131, 321, 349, 376, 407, 675, 676}
)


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
        code = code_of(wrong)
        if code in DROPPED:
            raise NeedsPerson(
                "A table in ClickHouse is missing: run `contentops migrate`."
            ) from wrong
        if code in BUSY:
            raise NeedsPerson(f"ClickHouse is busy: {wrong}") from wrong
        raise


def code_of(wrong: DatabaseError) -> int:
    found = re.search(r"code: (\d+)", str(wrong))
    return int(found.group(1)) if found else 0
