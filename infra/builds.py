"""Builds in another store than Postgres: which there are, and who makes one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeAlias

import psycopg

from infra.catching_up import Ends, Say, reached
from infra.problem import Stop
from projections import versions
from projections.versions import FED, Version
from streams.positions import Fenced

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

SAY_S = 1.0
LEFT_OVER = frozenset({"building", "catching_up", "failed"})
LOCK = "SELECT pg_try_advisory_lock(hashtext('rebuild'), hashtext(%s))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('rebuild'), hashtext(%s))"


class Reader(Protocol):
    """Reads the log into the build that it was made for."""

    def read(self) -> object: ...

    def claim_again(self) -> None: ...


def fill(own: Reader, ends: Ends, there: Callable[[], Ends], say: Say) -> None:
    """Let it read until it is `there` at all `ends`; progress is told each second."""
    end, said = sum(ends.values()), time.monotonic()
    while True:
        done = reached(there(), ends)
        if done == end or time.monotonic() - said >= SAY_S:
            said = time.monotonic()
            say(f"read {done} of {end} records")
        if done == end:
            return
        try:
            own.read()
        except Fenced:
            own.claim_again()


@contextmanager
def alone(connection: Connection, name: str) -> Iterator[None]:
    found = connection.execute(LOCK, (name,)).fetchone()
    if found is None or not found[0]:
        raise Stop(f"{name} is being built already: wait for that command.")
    try:
        yield
    finally:
        connection.execute(UNLOCK, (name,))


def live(connection: Connection, name: str) -> Version | None:
    found = versions.of(connection, name)
    return next((each for each in found if each.state == "live"), None)


def numbered(connection: Connection, name: str, number: int) -> Version:
    found = versions.of(connection, name)
    return next(each for each in found if each.number == number)


def pair(
    connection: Connection, name: str, to: int | None
) -> tuple[Version | None, Version]:
    """What is shown, and the build to look at: the newest, or the one that is named."""
    wanted = {"catching_up"} if to is None else FED - {"live"}
    new = [
        each
        for each in versions.of(connection, name)
        if each.state in wanted and to in {None, each.number}
    ]
    if not new:
        raise Stop(
            f"{name}: there is no build to look at; `contentops projection "
            f"rebuild {name}` makes one, --to names an older one."
        )
    return live(connection, name), new[-1]


def refuse_unlike(shown: Version | None, new: Version) -> None:
    """Raises Stop unless it was found equal to what is shown, or was shown before."""
    seen = new.state == "retiring" or (shown and new.verified == shown.number)
    if shown is not None and not seen:
        raise Stop(
            f"{new.reader} was not found equal to {shown.label} yet: run "
            f"`contentops projection verify {new.name}`, or give --force."
        )


def retired(connection: Connection, name: str, number: int | None) -> list[Version]:
    """Those to drop; raises Stop for one that is shown or unknown."""
    found = [
        each for each in versions.of(connection, name) if number in {None, each.number}
    ]
    if number is not None and (not found or found[0].state == "live"):
        raise Stop(f"{name} v{number} is shown or unknown.", code=2)
    return [each for each in found if each.state != "live"]
