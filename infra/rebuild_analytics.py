"""Building the facts in ClickHouse again beside those that people see.

A new build has tables and a reader of its own. It is filled here from the log's
beginning, then the running sinks feed it like the others. Two builds are compared below
the offsets that both have confirmed, so neither has to stop for it. A switch lets the
views show another build; the one before goes on until it is retired.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from clickhouse_connect.driver.client import Client

from infra import builds, migrate
from infra.catching_up import Ends, Say, log_end
from infra.problem import Stop
from infra.settings import Settings
from infra.sources import sink_source
from projections import facts, plans, versions
from projections.plans import Connection
from projections.registry import ANALYTICS
from projections.serving import NeedsPerson
from projections.sink import Blocked, Sink
from projections.table import Projection
from projections.versions import Version
from streams.faults import reach


def rebuild(settings: Settings, say: Say = print, *, replace: bool = False) -> None:
    """Returns once a new build holds what the log held at the start.

    It is shown at once where there is nothing to compare it with, or with `replace`.
    Raises Stop that names the record which gives no rows, and the remedy.
    """
    name = ANALYTICS.name
    with _stores(settings) as (connection, store), builds.alone(connection, name):
        new = _drawn(connection, store)
        try:
            _fill(settings, connection, new, say)
        except (Blocked, NeedsPerson) as wrong:
            versions.move(connection, new, "failed", str(wrong))
            raise Stop(str(wrong)) from wrong
        versions.move(connection, new, "catching_up")
        live = builds.live(connection, name)
        gone = live is None or facts.missing(store, live.of(ANALYTICS))
        if not (gone or replace):
            say(
                f"{name} {new.label} is built. Compare and show it: contentops "
                f"projection verify {name}; contentops projection switch {name}"
            )
            return
        number = versions.number_of(new)
        _show(connection, store, live, builds.numbered(connection, name, number))
        say(f"{name} shows {new.label}")
        if live is not None and live.shape == ANALYTICS.shape:
            _drop(connection, store, live)


def verify(settings: Settings, say: Say = print) -> bool:
    """Compare the newest build with the one people see, per table and tenant."""
    with _stores(settings) as (connection, store):
        live, new = builds.pair(connection, ANALYTICS.name, None)
        if live is None:
            raise Stop(f"{ANALYTICS.name} shows nothing to compare with.")
        both = (live.of(ANALYTICS), new.of(ANALYTICS))
        ends = _common(connection, *both)
        wrong = 0
        for table in ANALYTICS.tables:
            old, later = (facts.digests(store, it, table.name, ends) for it in both)
            for tenant in sorted(old.keys() | later.keys()):
                if old.get(tenant) != later.get(tenant):
                    wrong += 1
                    say(f"{table.name} of {tenant} differs")
        if not wrong:
            versions.verified(connection, ANALYTICS.name, new.number, live.number)
        word = "differs from" if wrong else "equals"
        say(f"{ANALYTICS.name} {new.label} {word} {live.label}")
        return not wrong


def switch(
    settings: Settings, say: Say = print, *, to: int | None = None, force: bool = False
) -> None:
    """Show another build: the newest, or the one that is named."""
    with _stores(settings) as (connection, store):
        live, new = builds.pair(connection, ANALYTICS.name, to)
        if not force:
            builds.refuse_unlike(live, new)
        _show(connection, store, live, new)
        before = f"; {live.label} is fed until you retire it" if live else ""
        say(f"{ANALYTICS.name} shows {new.label}{before}")
    reach("rebuild.switched")


def retire(settings: Settings, number: int | None = None, say: Say = print) -> None:
    """Drop a build that is not shown; without a number all of them."""
    with _stores(settings) as (connection, store):
        for each in builds.retired(connection, ANALYTICS.name, number):
            _drop(connection, store, each)
            say(f"{each.name} {each.label} is gone")


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[Connection, Client]]:
    with (
        migrate.connect(settings) as connection,
        closing(migrate.analyst_store(settings)) as store,
    ):
        yield connection, store


def _drawn(connection: Connection, store: Client) -> Projection:
    for old in versions.of(connection, ANALYTICS.name):
        if old.state in builds.LEFT_OVER:
            _drop(connection, store, old)
    new = versions.draw(connection, ANALYTICS, "building")
    facts.create(store, new)
    migrate.forget_facts(connection, new.reader)
    return new


def _fill(
    settings: Settings, connection: Connection, new: Projection, say: Say
) -> None:
    source = sink_source(settings, group="rebuild")

    def there() -> Ends:
        return plans.confirmed_ends(connection, new.reader)

    with closing(Sink(source, new, strict=True)) as own:
        builds.fill(own, log_end(source.kafka), there, say)


def _common(
    connection: Connection, old: Projection, new: Projection
) -> dict[plans.Place, int]:
    """Below these offsets both builds have confirmed everything."""
    first, second = (plans.confirmed_ends(connection, it.reader) for it in (old, new))
    return {place: min(end, second.get(place, 0)) for place, end in first.items()}


def _show(
    connection: Connection, store: Client, live: Version | None, new: Version
) -> None:
    with connection.transaction():
        versions.switch(
            connection, ANALYTICS.name, live.number if live else None, new.number
        )
        facts.show(store, new.of(ANALYTICS))
        reach("rebuild.switching")


def _drop(connection: Connection, store: Client, version: Version) -> None:
    versions.drop(connection, version.name, version.number)
    facts.drop(store, version.of(ANALYTICS))
    migrate.forget_facts(connection, version.reader)
