"""Building the index in OpenSearch again beside the one that people search.

A new build is an index and a reader of its own. It is filled here from the log's
beginning, then the running indexers feed it like the others. Two builds are compared
while both are fed: what differs is looked at again once both have passed it. A switch
moves all tenants at one moment; the build before goes on until it is retired.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from heapq import merge
from itertools import groupby
from typing import TypeAlias

from opensearchpy import OpenSearch

from infra import builds, migrate
from infra.catching_up import Ends, Say, log_end, positions, reached
from infra.problem import Stop
from infra.settings import Settings
from infra.sources import index_source, opensearch_access
from projections import index, install, versions
from projections.index import Document, Key
from projections.indexing import SHOWING, Blocked, Indexer
from projections.opensearch import Away, connect, told
from projections.registry import INDEX
from projections.serving import NeedsPerson
from projections.table import Projection
from projections.versions import Version
from streams.faults import reach
from streams.reading import LogChanged

Connection: TypeAlias = builds.Connection
Found: TypeAlias = Iterator[tuple[Key, Document]]

POLL_S = 0.1
LEVEL_S = 30.0
LOOKS = 5
NAME = INDEX.name


def rebuild(settings: Settings, say: Say = print, *, replace: bool = False) -> None:
    """Returns once a new build holds what the log held at the start.

    It is shown at once where there is nothing to compare it with, or with `replace`.
    Raises Stop that names the record which cannot be indexed, and the remedy.
    """
    with _stores(settings) as (connection, store), builds.alone(connection, NAME):
        new = _drawn(connection, store)
        try:
            _fill(settings, connection, new, say)
        except (Blocked, NeedsPerson, LogChanged) as wrong:
            versions.move(connection, new, "failed", str(wrong))
            raise Stop(str(wrong)) from wrong
        versions.move(connection, new, "catching_up")
        live = builds.live(connection, NAME)
        gone = live is None or not index.there(store, live.of(INDEX))
        if not (gone or replace):
            say(
                f"{NAME} {new.label} is built. Compare and show it: contentops "
                f"projection verify {NAME}; contentops projection switch {NAME}"
            )
            return
        number = versions.number_of(new)
        _show(connection, store, live, builds.numbered(connection, NAME, number))
        say(f"{NAME} shows {new.label}")
        if live is not None and (gone or live.shape == INDEX.shape):
            _drop(connection, store, live)


def verify(settings: Settings, say: Say = print) -> bool:
    """Compare the newest build with the one people search, document by document."""
    with _stores(settings) as (connection, store):
        live, new = builds.pair(connection, NAME, None)
        if live is None:
            raise Stop(f"{NAME} shows nothing to compare with.")
        both = (live.of(INDEX), new.of(INDEX))
        wrong = _unlike(settings, connection, store, both)
        for tenant, id_ in wrong:
            say(f"{id_} of {tenant} differs")
        if not wrong:
            versions.verified(connection, NAME, new.number, live.number)
        word = "differs from" if wrong else "equals"
        say(f"{NAME} {new.label} {word} {live.label}")
        return not wrong


def switch(
    settings: Settings, say: Say = print, *, to: int | None = None, force: bool = False
) -> None:
    """Let people search another build: the newest, or the one that is named."""
    with _stores(settings) as (connection, store):
        live, new = builds.pair(connection, NAME, to)
        if not force:
            builds.refuse_unlike(live, new)
            _pass_end(settings, connection, [new.of(INDEX)])
        _show(connection, store, live, new)
        before = f"; {live.label} is fed until you retire it" if live else ""
        say(f"{NAME} shows {new.label}{before}")
    reach("rebuild.switched")


def retire(settings: Settings, number: int | None = None, say: Say = print) -> None:
    """Drop a build that is not shown; without a number all of them.

    Where OpenSearch answers no searches any more, forget what it had.
    """
    if not settings.searches_elsewhere:
        _forget_all(settings, say)
        return
    with _stores(settings) as (connection, store):
        for each in builds.retired(connection, NAME, number):
            _drop(connection, store, each)
            say(f"{each.name} {each.label} is gone")


def _forget_all(settings: Settings, say: Say) -> None:
    """An index that nobody feeds would be one that lags behind for ever."""
    with migrate.connect(settings) as connection:
        for each in versions.of(connection, NAME):
            versions.drop(connection, NAME, each.number)
            install.forget(connection, each.reader)
            say(f"{each.name} {each.label} is forgotten; its index stays where it was")


def there(settings: Settings) -> bool:
    """Whether people can search a build of this code's shape."""
    with _stores(settings) as (connection, store):
        live = versions.shown(versions.every(connection), INDEX)
        known = builds.live(connection, NAME)
        fits = known is not None and known.shape == INDEX.shape
        return fits and live is not None and index.there(store, live)


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[Connection, OpenSearch]]:
    try:
        with (
            migrate.connect(settings) as connection,
            closing(connect(opensearch_access(settings))) as store,
            told(),
        ):
            yield connection, store
    except Away as wrong:
        raise Stop(str(wrong)) from wrong


def _drawn(connection: Connection, store: OpenSearch) -> Projection:
    for old in versions.of(connection, NAME):
        if old.state in builds.LEFT_OVER:
            _drop(connection, store, old)
    new = versions.draw(connection, INDEX, "building")
    index.create(store, new)
    install.forget(connection, new.reader)
    return new


def _fill(
    settings: Settings, connection: Connection, new: Projection, say: Say
) -> None:
    source = index_source(settings, group=f"rebuild.{new.reader}")

    def there() -> Ends:
        return positions(connection, [new.reader]).get(new.reader, {})

    with closing(Indexer(source, [new], strict=True)) as own:
        builds.fill(own, log_end(source.kafka), there, say)


def _unlike(
    settings: Settings,
    connection: Connection,
    store: OpenSearch,
    both: tuple[Projection, Projection],
) -> list[Key]:
    """Documents that differ also after both builds have passed what made them so."""
    _pass_end(settings, connection, both)
    for each in both:
        index.refresh(store, each)
    left = list(differing(*(index.every(store, each) for each in both)))
    for _ in range(LOOKS):
        if not left:
            break
        _pass_end(settings, connection, both)
        old, new = (index.stored(store, each, left) for each in both)
        left = [key for key in left if old.get(key) != new.get(key)]
    return left


def differing(old: Found, new: Found) -> Iterator[Key]:
    """Keys whose documents are not the same; both come in the order of their keys."""
    for key, group in groupby(merge(old, new, key=_key), key=_key):
        first, *others = (each for _, each in group)
        if others != [first]:
            yield key


def _key(found: tuple[Key, Document]) -> Key:
    return found[0]


def _pass_end(
    settings: Settings, connection: Connection, wanted: Sequence[Projection]
) -> None:
    """Returns once these builds hold what the log holds now; raises Stop."""
    ends, until = log_end(settings.need("kafka")), time.monotonic() + LEVEL_S
    readers = [each.reader for each in wanted]
    while time.monotonic() < until:
        there = positions(connection, readers)
        if all(
            reached(there.get(it, {}), ends) == sum(ends.values()) for it in readers
        ):
            return
        time.sleep(POLL_S)
    raise Stop(
        f"{', '.join(readers)} did not come to the log's end within {LEVEL_S:.0f} s: "
        "is an indexer of this build running? See `contentops projection list`."
    )


def _show(
    connection: Connection, store: OpenSearch, live: Version | None, new: Version
) -> None:
    build = new.of(INDEX)
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '30s'")
        connection.execute(SHOWING)
        versions.switch(connection, NAME, live.number if live else None, new.number)
        index.refresh(store, build)
        index.show(store, build, index.tenants(store, build))
        connection.execute("SELECT pg_notify('positions', '[]')")
        reach("rebuild.switching")


def _drop(connection: Connection, store: OpenSearch, version: Version) -> None:
    versions.drop(connection, version.name, version.number)
    index.drop(store, version.of(INDEX))
    install.forget(connection, version.reader)
