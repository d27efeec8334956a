"""Which keys a snapshot held when it was opened, read aside from the deciding."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from uuid import UUID

from rbloom import Bloom

from streams.database import Away, Connection, Database
from streams.remembered import keys_filter

AT_ONCE = 5_000

ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
STREAMS = "SELECT streams FROM coordination.decider_marks WHERE snapshot = %s"
KEYS = "SELECT key FROM coordination.decider_state WHERE snapshot = %s"


class Held:
    """The snapshots of one role, one after the other in a thread of its own."""

    def __init__(self, conninfo: str) -> None:
        self._database = Database(conninfo)
        self._reader = ThreadPoolExecutor(1, "held")
        self._closing = Event()

    def read(
        self, identity: UUID, check: Callable[[Connection], None]
    ) -> "Future[Bloom]":
        """All keys of one moment, in which `check` raised nothing; may end in Away."""
        return self._reader.submit(self._read, identity, check)

    def close(self) -> None:
        """A read on its way ends without a result."""
        self._closing.set()
        self._reader.shutdown(cancel_futures=True)
        self._database.close()

    def _read(self, identity: UUID, check: Callable[[Connection], None]) -> Bloom:
        with self._database.transaction() as connection:
            connection.execute(ONE_MOMENT)
            check(connection)
            row = connection.execute(STREAMS, (identity,)).fetchone()
            found = keys_filter(max(int(row[0]), 1) if row else 1)
            with connection.cursor("held", binary=True) as cursor:
                cursor.execute(KEYS, (identity,))
                while keys := cursor.fetchmany(AT_ONCE):
                    if self._closing.is_set():
                        raise Away("the role ends")
                    found.update([bytes(key).decode() for (key,) in keys])
        return found
