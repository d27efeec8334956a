"""Building read models again from the log, beside those that people see.

A new version is filled from the log's beginning, then handed to the running projector;
where none runs, one runs here until it has caught up. Nothing that is shown changes
before `switch`, unless what is shown is broken or `replace` is asked for.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TypeAlias

import psycopg
from psycopg import sql

from infra import migrate, switching
from infra.catching_up import log_end, pass_end
from infra.problem import Stop
from infra.settings import Settings
from projections import install, versions
from projections.building import Builder
from projections.projecting import prune
from projections.registry import ANALYTICS, INDEX, PROJECTIONS
from projections.table import Projection
from streams.garbage import collect_rarely
from streams.rulings import Rulings

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Say: TypeAlias = Callable[[str], None]

LEFT_OVER = frozenset({"building", "catching_up", "failed"})
SAY_S = 1.0
LOCK = "SELECT pg_try_advisory_lock(hashtext('rebuild'), hashtext(%s))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('rebuild'), hashtext(%s))"


def rebuild(
    settings: Settings, name: str | None, say: Say = print, *, replace: bool = False
) -> None:
    """Returns once the new version (of all: None) holds what the log held at start.

    Raises Stop that names each record which could not be projected, and the remedy.
    """
    wanted = [each for each in PROJECTIONS if name in {None, each.name}]
    if not wanted and name not in {ANALYTICS.name, INDEX.name}:
        names = ", ".join(each.name for each in (*PROJECTIONS, ANALYTICS, INDEX))
        raise Stop(f"There is no read model {name}: use one of {names}.", code=2)
    if wanted:
        with migrate.connect(settings) as connection:
            beside(settings, connection, wanted, say, replace=replace)
    if name in {None, ANALYTICS.name}:
        from infra import rebuild_analytics

        rebuild_analytics.rebuild(settings, say, replace=replace)
    if name == INDEX.name or (name is None and settings.searches_elsewhere):
        from infra import rebuild_index

        rebuild_index.rebuild(settings, say, replace=replace)


def beside(
    settings: Settings,
    connection: Connection,
    wanted: Sequence[Projection],
    say: Say,
    *,
    replace: bool = False,
) -> None:
    """Build, catch up, and show at once what has nothing to be compared with."""
    try:
        lacking = {each.name for each in migrate.lacking(connection)}
        built, wrong = _built(settings, connection, wanted, say)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject) as gone:
        raise Stop(f"{gone}: run `contentops migrate` first.") from gone
    for each in built:
        if replace or each.name in lacking:
            switching.replace(connection, each, say)
    if lacking:
        migrate.show(connection)
    left = [each for each in built if not replace and each.name not in lacking]
    for each in left:
        say(
            f"{each.name} {each.label} is built. Compare and show it: contentops "
            f"projection verify {each.name}; contentops projection switch {each.name}"
        )
    if wrong:
        raise Stop("\n".join(wrong))


def _built(
    settings: Settings,
    connection: Connection,
    wanted: Sequence[Projection],
    say: Say,
) -> tuple[list[Projection], list[str]]:
    """The versions that have caught up, and a sentence for each that could not."""
    with _alone(connection, wanted):
        drawn = [_drawn(connection, each) for each in wanted]
        built, wrong = _filled(settings, connection, drawn, say)
        if built:
            pass_end(settings, connection, built)
    return built, wrong


@contextmanager
def _alone(connection: Connection, wanted: Sequence[Projection]) -> Iterator[None]:
    """A build dies with its command, so what holds no lock is nobody's."""
    for each in wanted:
        found = connection.execute(LOCK, (each.name,)).fetchone()
        if found is None or not found[0]:
            raise Stop(
                f"{each.name} is being built already: wait until that command ends."
            )
    try:
        yield
    finally:
        for each in wanted:
            connection.execute(UNLOCK, (each.name,))


@migrate.patient
def _drawn(connection: Connection, projection: Projection) -> Projection:
    """A new, empty version; what earlier builds left is dropped."""
    with connection.transaction():
        for old in versions.of(connection, projection.name):
            if old.state in LEFT_OVER:
                switching.drop(connection, old.of(projection))
        new = versions.draw(connection, projection, "building")
        install.create(connection, new)
    return new


def _filled(
    settings: Settings,
    connection: Connection,
    drawn: Sequence[Projection],
    say: Say,
) -> tuple[list[Projection], list[str]]:
    collect_rarely()
    kafka = settings.need("kafka")
    indexes = {each.name: install.without_indexes(connection, each) for each in drawn}
    with (
        _writing(settings) as own,
        closing(Builder(kafka, own, drawn, Rulings.load(kafka).dropped)) as builder,
    ):
        ends = log_end(kafka)
        builder.run(ends, _progress(sum(ends.values()), say))
        # What came meanwhile, so that little is left for whoever goes on.
        builder.run(log_end(kafka))
        built, blocked = builder.built, builder.blocked
    for each in built:
        for definition in indexes[each.name]:
            connection.execute(definition.encode())
        prune(connection, each)
        for table in each.tables:
            named = sql.Identifier(each.schema, table.name)
            connection.execute(sql.SQL("ANALYZE {}").format(named))
        versions.move(connection, each, "catching_up")
    for every in blocked:
        versions.move(connection, every.projection, "failed", every.sentence)
    return built, [every.sentence for every in blocked]


@contextmanager
def _writing(settings: Settings) -> Iterator[Connection]:
    """As the projector, whom row-level security lets pass."""
    options = "-c synchronous_commit=off"
    with psycopg.connect(
        settings.dsn("projector"), autocommit=True, options=options, prepare_threshold=0
    ) as connection:
        yield connection


def _progress(end: int, say: Say) -> Callable[[int], None]:
    began = said = time.monotonic()

    def tell(done: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= SAY_S or done >= end:
            said = now
            share = 100 * done // end if end else 100
            rate = done / (now - began)
            say(f"read {done} of {end} records ({share} %, {rate:.0f}/s)")

    return tell
