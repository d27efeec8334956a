"""One connection to Postgres, opened when needed, that a decider can do without."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeAlias

import psycopg
from psycopg.rows import TupleRow

from streams.remembered import SnapshotLost

Connection: TypeAlias = psycopg.Connection[TupleRow]

AWAY_S = 5.0
OPTIONS = "-c statement_timeout=20s -c lock_timeout=5s"


class Away(SnapshotLost):
    """Postgres does not answer; deciding goes on without it."""


class Database:
    """One connection, made when it is needed; for one thread."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._away_until = 0.0

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Raises Away, and for five seconds after that at once."""
        if monotonic() < self._away_until:
            raise Away("Postgres was away a moment ago")
        try:
            yield self._open()
        except psycopg.Error as wrong:
            self.close()
            self._away_until = monotonic() + AWAY_S
            raise Away(str(wrong)) from wrong

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Raises Away, as `connected` does."""
        with self.connected() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                prepare_threshold=None,
                connect_timeout=3,
                options=OPTIONS,
            )
        return self._connection
