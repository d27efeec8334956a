"""Versions of read models as a person works with them: list, verify, switch, retire."""

import time
from collections.abc import Callable
from typing import TypeAlias

import psycopg
from msgspec import Struct
from rich.console import Console
from rich.table import Table as Grid

from infra import migrate
from infra.catching_up import log_end, pass_end, positions, reached
from infra.problem import Stop
from infra.settings import Settings
from projections import install, parity, versions
from projections.registry import ANALYTICS, INDEX, PROJECTIONS
from projections.table import Projection
from projections.versions import Version
from streams.faults import reach

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Say: TypeAlias = Callable[[str], None]

WIDTH = 140
LEVEL_S = 30.0
POLL_S = 0.05
# Places where the second reader stands behind the first.
BEHIND = """
SELECT count(*) FROM coordination.positions o
LEFT JOIN coordination.positions n ON n.reader = %s AND n.topic = o.topic
  AND n.partition = o.partition
WHERE o.reader = %s AND coalesce(n.next_offset, 0) < o.next_offset
"""
PARKED = """
SELECT reader, count(DISTINCT key) FROM coordination.parked GROUP BY reader
"""


class Standing(Struct, frozen=True):
    """One version: how far it has come, of how much there is."""

    version: Version
    done: int
    end: int
    parked: int
    shape: int

    @property
    def lag(self) -> int:
        return self.end - self.done

    @property
    def note(self) -> str:
        if self.version.reason:
            return self.version.reason
        if self.version.shape != self.shape:
            return f"of shape {self.version.shape}; this build feeds {self.shape}"
        if self.version.verified:
            return f"equal to v{self.version.verified}"
        return ""


def standings(settings: Settings) -> list[Standing]:
    """Every version of every read model."""
    ends = log_end(settings.need("kafka"))
    shapes = {each.name: each.shape for each in (*PROJECTIONS, ANALYTICS, INDEX)}
    with migrate.connect(settings) as connection:
        found = versions.every(connection)
        there = positions(connection, [each.reader for each in found])
        parked = {str(a): int(str(b)) for a, b in connection.execute(PARKED)}
    return [
        Standing(
            version=each,
            done=reached(there.get(each.reader, {}), ends),
            end=sum(ends.values()),
            parked=parked.get(each.reader, 0),
            shape=shapes.get(each.name, 0),
        )
        for each in found
    ]


def show(settings: Settings, console: Console | None = None) -> None:
    grid = Grid("read model", "version", "state", "passed", "lag", "parked", "note")
    for each in standings(settings):
        numbers = (f"{each.done} of {each.end}", str(each.lag), str(each.parked))
        version = each.version
        grid.add_row(version.name, version.label, version.state, *numbers, each.note)
    (console or Console(width=WIDTH)).print(grid)


def verify(
    settings: Settings, name: str, say: Say = print, console: Console | None = None
) -> bool:
    """Compare the newest version with the live one; True when they are equal."""
    if name == ANALYTICS.name:
        from infra import rebuild_analytics

        return rebuild_analytics.verify(settings, say)
    if name == INDEX.name:
        from infra import rebuild_index

        return rebuild_index.verify(settings, say)
    with migrate.connect(settings) as connection:
        projection, live, new = _pair(connection, name, None)
        if live is None:
            raise Stop(f"{name} has no live version to compare with.")
        both = (live.of(projection), new.of(projection))
        pass_end(settings, connection, both)
        found = _level(connection, lambda: parity.compare(connection, *both), both)
        equal = all(each.equal for each in found)
        if equal:
            versions.verified(connection, name, new.number, live.number)
    grid = Grid("table", "tenant", f"rows {live.label}", f"rows {new.label}", "equal")
    for each in found:
        word = "yes" if each.equal else "no"
        grid.add_row(each.table, each.tenant, str(each.old), str(each.new), word)
    (console or Console(width=WIDTH)).print(grid)
    for each in found:
        if not each.equal:
            say(f"{each.table} of {each.tenant} differs first at {each.first}")
    say(f"{name} {new.label} {'equals' if equal else 'differs from'} {live.label}")
    return equal


def switch(
    settings: Settings,
    name: str,
    say: Say = print,
    *,
    to: int | None = None,
    force: bool = False,
) -> None:
    """Show another version: the newest that was built, or the one that is named."""
    if name == ANALYTICS.name:
        from infra import rebuild_analytics

        rebuild_analytics.switch(settings, say, to=to, force=force)
        return
    if name == INDEX.name:
        from infra import rebuild_index

        rebuild_index.switch(settings, say, to=to, force=force)
        return
    with migrate.connect(settings) as connection:
        projection, live, new = _pair(connection, name, to)
        if live is not None and not force:
            _refuse_unlike(live, new)
        fed = [] if live is None or force else [live.of(projection)]
        pass_end(settings, connection, [*fed, new.of(projection)])
        _switched(connection, projection, live, new, force=force)
    reach("rebuild.switched")
    before = f"; {live.label} is fed until you retire it" if live else ""
    say(f"{name} shows {new.label}{before}")


def retire(
    settings: Settings, name: str, number: int | None = None, say: Say = print
) -> None:
    """Drop a version that is not shown; without a number all of them."""
    if name == ANALYTICS.name:
        from infra import rebuild_analytics

        rebuild_analytics.retire(settings, number, say)
        return
    if name == INDEX.name:
        from infra import rebuild_index

        rebuild_index.retire(settings, number, say)
        return
    projection = known(name)
    with migrate.connect(settings) as connection:
        found = [
            each
            for each in versions.of(connection, name)
            if number in {None, each.number}
        ]
        if number is not None and not found:
            raise Stop(f"{name} has no version {number}.", code=2)
        if number is not None and found[0].state == "live":
            raise Stop(f"{name} v{number} is what people see: switch first.", code=2)
        for each in found:
            if each.state != "live":
                dropped_at_once(connection, each.of(projection))
                say(f"{name} {each.label} is gone")


def replace(connection: Connection, new: Projection, say: Say) -> None:
    """Show a version without comparing; the one before goes, if this build's."""
    found = versions.of(connection, new.name)
    live = next((each for each in found if each.state == "live"), None)
    target = next(each for each in found if each.label == new.label)
    _switched(connection, new, live, target, force=True)
    say(f"{new.name} shows {new.label}")
    if live is not None and live.shape == new.shape:
        dropped_at_once(connection, live.of(new))


@migrate.patient
def dropped_at_once(connection: Connection, projection: Projection) -> None:
    with connection.transaction():
        drop(connection, projection)


def drop(connection: Connection, projection: Projection) -> None:
    """Rows, positions and the registry's row; call in a transaction."""
    install.drop(connection, projection)
    versions.drop(connection, projection.name, versions.number_of(projection))


def known(name: str) -> Projection:
    for each in PROJECTIONS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in PROJECTIONS)
    raise Stop(f"There is no read model {name}: use one of {names}.", code=2)


def _pair(
    connection: Connection, name: str, to: int | None
) -> tuple[Projection, Version | None, Version]:
    """The live version and the one to look at."""
    projection = known(name)
    found = versions.of(connection, name)
    live = next((each for each in found if each.state == "live"), None)
    wanted = {"catching_up"} if to is None else versions.FED - {"live"}
    new = [each for each in found if each.state in wanted and to in {None, each.number}]
    if not new:
        what = "has been built beside it" if to is None else f"v{to} can be shown"
        raise Stop(
            f"{name}: no version {what}; `contentops projection list` says what there "
            f"is, `contentops projection rebuild {name}` builds a new one, and "
            "--to names an older one."
        )
    return projection, live, new[-1]


def _refuse_unlike(live: Version, new: Version) -> None:
    # One that was shown before and has been fed since needs no second proof.
    if new.state != "retiring" and new.verified != live.number:
        raise Stop(
            f"{new.name} {new.label} was not found equal to {live.label} yet: run "
            f"`contentops projection verify {new.name}`, or give --force."
        )


@migrate.patient
def _switched(
    connection: Connection,
    projection: Projection,
    live: Version | None,
    new: Version,
    *,
    force: bool,
) -> None:
    with connection.transaction():
        # Nobody moves a position while the views change: no row goes back.
        connection.execute("LOCK TABLE coordination.positions IN SHARE MODE")
        if live is not None and not force:
            _refuse_behind(connection, live, new)
        anew = install.show(connection, [new.of(projection)])
        before = live.number if live is not None else None
        versions.switch(connection, projection.name, before, new.number)
        if anew:
            migrate.show(connection)
        connection.execute("SELECT pg_notify('positions', '[]')")
        reach("rebuild.switching")


def _refuse_behind(connection: Connection, live: Version, new: Version) -> None:
    found = connection.execute(BEHIND, (new.reader, live.reader)).fetchone()
    if found is not None and found[0]:
        raise Stop(
            f"{new.name} {new.label} is behind what is shown in {found[0]} partitions: "
            "is a projector of this build running? See `contentops projection list`."
        )


def _level(
    connection: Connection,
    look: Callable[[], list[parity.Compared]],
    both: tuple[Projection, Projection],
) -> list[parity.Compared]:
    """Look where both stand at the same position of every partition."""
    until = time.monotonic() + LEVEL_S
    while time.monotonic() < until:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if parity.level(connection, *both):
                return look()
        time.sleep(POLL_S)
    raise Stop(
        f"{both[0].name}: the versions never stood at the same position within "
        f"{LEVEL_S:.0f} s: is a projector of this build running?"
    )
