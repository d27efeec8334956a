"""Which versions of each read model there are: one is live, others are fed beside it.

building (by one command, from the log's beginning) → catching_up (fed by the
projector, not shown) → live (shown) → retiring (fed, so one can go back) → dropped;
failed is where a build ends that met a record it cannot project.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import psycopg
from msgspec import Struct, structs

from projections.table import Projection

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

FED = frozenset({"catching_up", "live", "retiring"})
ALL = """
SELECT name, version, shape, state, reason, verified_against
FROM coordination.projections ORDER BY name, version
"""
DRAW = """
INSERT INTO coordination.projections (name, version, shape, state)
SELECT %(name)s, coalesce(max(version), 0) + 1, %(shape)s, %(state)s
FROM coordination.projections WHERE name = %(name)s RETURNING version
"""
MOVE = """
UPDATE coordination.projections SET state = %s, reason = %s,
  built_at = CASE WHEN %s THEN clock_timestamp() ELSE built_at END
WHERE name = %s AND version = %s
"""
SWITCH = """
UPDATE coordination.projections
SET state = %s, switched_at = clock_timestamp() WHERE name = %s AND version = %s
"""


class Version(Struct, frozen=True):
    """`verified` is the version whose rows were found equal, 0 for none."""

    name: str
    number: int
    shape: int
    state: str
    reason: str = ""
    verified: int = 0

    @property
    def label(self) -> str:
        return f"v{self.number}"

    @property
    def reader(self) -> str:
        return f"{self.name}.{self.label}"

    def of(self, projection: Projection) -> Projection:
        """The projection as it reads and writes this version."""
        return structs.replace(projection, label=self.label)


def every(connection: Connection) -> list[Version]:
    """By name, oldest first."""
    rows = connection.execute(ALL).fetchall()
    return [
        Version(str(name), _int(number), _int(shape), str(state), str(why), _int(seen))
        for name, number, shape, state, why, seen in rows
    ]


def of(connection: Connection, name: str) -> list[Version]:
    return [each for each in every(connection) if each.name == name]


def fed(
    connection: Connection, projections: Iterable[Projection]
) -> tuple[Projection, ...]:
    """What a projector of this build feeds: every version that has its shape."""
    known = {each.name: each for each in projections}
    return tuple(
        each.of(known[each.name])
        for each in every(connection)
        if each.state in FED
        and each.name in known
        and known[each.name].shape == each.shape
    )


def shown(found: Sequence[Version], projection: Projection) -> Projection | None:
    """The projection at its live version."""
    for each in found:
        if each.name == projection.name and each.state == "live":
            return each.of(projection)
    return None


def draw(connection: Connection, projection: Projection, state: str) -> Projection:
    """The next number, with nothing behind it yet."""
    asked = {"name": projection.name, "shape": projection.shape, "state": state}
    found = connection.execute(DRAW, asked).fetchone()
    number = _int(found[0]) if found is not None else 0
    return structs.replace(projection, label=f"v{number}")


def move(
    connection: Connection, projection: Projection, state: str, reason: str = ""
) -> None:
    built = state == "catching_up"
    place = (projection.name, number_of(projection))
    connection.execute(MOVE, (state, reason, built, *place))


def switch(connection: Connection, name: str, old: int | None, new: int) -> None:
    """Inside the transaction that moves the views."""
    if old is not None:
        connection.execute(SWITCH, ("retiring", name, old))
    connection.execute(SWITCH, ("live", name, new))


def verified(connection: Connection, name: str, number: int, against: int) -> None:
    connection.execute(
        "UPDATE coordination.projections SET verified_against = %s"
        " WHERE name = %s AND version = %s",
        (against, name, number),
    )


def drop(connection: Connection, name: str, number: int) -> None:
    connection.execute(
        "DELETE FROM coordination.projections WHERE name = %s AND version = %s",
        (name, number),
    )


def number_of(projection: Projection) -> int:
    return int(projection.label.removeprefix("v"))


def _int(value: object) -> int:
    return 0 if value is None else int(str(value))
