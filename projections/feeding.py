"""Feeding every build of the facts that this code may feed, each by a thread."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
from msgspec import Struct

from projections import serving, sink, versions
from projections.plans import Connection
from projections.registry import ANALYTICS
from projections.sink import Source
from projections.table import Projection
from streams.garbage import collect_rarely
from streams.vitals import Vitals

LOOK_S = 1.0
MOST = 8


class Feeding(Struct, frozen=True):
    stop: threading.Event
    done: Future[None]


def run(source: Source, stop: threading.Event) -> None:
    """Blocks until `stop` is set; a new build is fed within a second."""
    collect_rarely()
    # Whether the role is well is said by its threads: they do the work.
    serving.serve(lambda: Feeder(source, stop), stop, vitals=Vitals())


class Feeder:
    """Looks which builds there are; ends with the first thread that fails."""

    def __init__(self, source: Source, stop: threading.Event) -> None:
        self._source = source
        self._stop = stop
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="sink")
        self._fed: dict[str, Feeding] = {}
        self._connection: Connection = psycopg.connect(source.postgres, autocommit=True)

    def step(self) -> None:
        wanted = {
            each.reader: each for each in versions.fed(self._connection, [ANALYTICS])
        }
        for reader in self._fed.keys() - wanted.keys():
            feeding = self._fed.pop(reader)
            feeding.stop.set()
            feeding.done.result()
        for reader in wanted.keys() - self._fed.keys():
            self._fed[reader] = self._feed(wanted[reader])
        for each in self._fed.values():
            if each.done.done():
                each.done.result()
        self._stop.wait(LOOK_S)

    def close(self) -> None:
        for each in self._fed.values():
            each.stop.set()
        self._threads.shutdown()
        self._connection.close()

    def _feed(self, projection: Projection) -> Feeding:
        stop = threading.Event()
        done = self._threads.submit(sink.run, self._source, stop, projection)
        return Feeding(stop, done)
