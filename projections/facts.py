"""The tables of facts in ClickHouse: made, shown, filled, counted, deleted.

Each build of them has tables of its own, `<table>_<label>`; views under the plain names
show the live one. So a sink never writes by a name that a switch gives to other rows.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from projections.clickhouse import DATABASE, REFUSED, code_of
from projections.plans import BUCKET, Block, Part, Place, Range
from projections.table import Projection

Parts: TypeAlias = tuple[Part, ...]
Fact: TypeAlias = tuple[str, int]

# One block per insert: the server takes all of it or nothing.
ONE_BLOCK = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "optimize_on_insert": 0,
    "max_insert_block_size": 1_048_449,
    "input_format_parallel_parsing": 0,
    "input_format_skip_unknown_fields": 0,
    "date_time_input_format": "best_effort",
}
WHICH = (
    "arrayFirstIndex((topic, part, start, end) -> _topic = topic"
    " AND _partition = part AND _off >= start AND _off < end,"
    " {topics:Array(String)}, {parts:Array(UInt32)},"
    " {starts:Array(UInt64)}, {ends:Array(UInt64)})"
)
WITHIN = "_topic IN {topics:Array(String)} AND _partition IN {parts:Array(UInt32)}"
BELOW = (
    "transform(concat(_topic, '/', toString(_partition)),"
    " {places:Array(String)}, {ends:Array(UInt64)}, toUInt64(0))"
)
SUMS = "count(), sum(toUInt64(CRC32(event_id)))"


def name_of(projection: Projection, table: str) -> str:
    return f"{DATABASE}.{table}_{projection.label}"


def missing(client: Client, projection: Projection) -> bool:
    """Whether at least one table is not there."""
    names = [f"{table.name}_{projection.label}" for table in projection.tables]
    return len(_engines(client, names)) < len(names)


def create(client: Client, projection: Projection) -> None:
    """Empty tables; forget the position of their reader afterwards."""
    client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
    client.database = DATABASE
    drop(client, projection)
    for statement in statements(projection):
        if statement.lstrip().startswith("CREATE TABLE"):
            client.command(statement)


def show(client: Client, projection: Projection) -> None:
    """Let the views people know show this build; each changes at one moment."""
    client.database = DATABASE
    plain = [table.name for table in projection.tables]
    for name, engine in _engines(client, plain).items():
        if engine != "View":
            client.command(f"DROP TABLE {DATABASE}.{name} SYNC")
    for name in plain:
        rows = f"SELECT * FROM {name}_{projection.label}"  # noqa: S608  ours
        client.command(f"CREATE OR REPLACE VIEW {name} AS {rows}")
    for statement in statements(projection):
        if not statement.lstrip().startswith("CREATE TABLE"):
            client.command(statement)


def drop(client: Client, projection: Projection) -> None:
    for table in projection.tables:
        name = name_of(projection, table.name)
        client.command(f"DROP TABLE IF EXISTS {name} SYNC")


def statements(projection: Projection) -> list[str]:
    """The statements of table.sql, each for itself, about the tables of this build."""
    text = (projection.folder / "table.sql").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^--.*\n", "", text)
    names = "|".join(table.name for table in projection.tables)
    made = rf"(?m)^(CREATE TABLE IF NOT EXISTS (?:{names}))$"
    text = re.sub(made, rf"\1_{projection.label}", text)
    text = re.sub(rf"FROM ({names}) FINAL", rf"FROM \1_{projection.label} FINAL", text)
    return [part for part in text.split(";\n") if part.strip()]


def insert(client: Client, projection: Projection, block: Block, body: bytes) -> None:
    """A block whose token the server has seen is dropped, whatever its rows are.

    As JSON: the client's own encoder loads pandas, which costs 80 MB.
    """
    client.raw_insert(
        name_of(projection, block.table),
        insert_block=body,
        fmt="JSONEachRow",
        settings={**ONE_BLOCK, "insert_deduplication_token": block.token},
    )


def counted(
    client: Client, projection: Projection, table: str, ranges: Sequence[Range]
) -> list[Parts]:
    """For each range the parts that the table holds of it."""
    name = name_of(projection, table)
    answer = client.query(
        f"SELECT {WHICH} AS which, intDiv(_off, {BUCKET}) AS bucket, {SUMS}"  # noqa: S608  ours
        f" FROM {name} WHERE {WITHIN} AND which > 0"
        " GROUP BY which, bucket ORDER BY which, bucket",
        parameters=_parameters(ranges),
    )
    found: dict[int, list[Part]] = defaultdict(list)
    for which, *part in answer.result_rows:
        found[int(which)].append(Part(*map(int, part)))
    return [tuple(found[which]) for which in range(1, len(ranges) + 1)]


def summed(
    client: Client, projection: Projection, table: str, ends: dict[Place, int]
) -> dict[Place, Parts]:
    """The parts that the table holds of these partitions, below these offsets."""
    name = name_of(projection, table)
    answer = client.query(
        f"SELECT _topic, _partition, intDiv(_off, {BUCKET}) AS bucket, {SUMS}"  # noqa: S608  ours
        f" FROM {name} WHERE _off < {BELOW}"
        " GROUP BY _topic, _partition, bucket ORDER BY bucket",
        parameters=_vector(ends),
    )
    found: dict[Place, list[Part]] = defaultdict(list)
    for topic, partition, *part in answer.result_rows:
        found[str(topic), int(partition)].append(Part(*map(int, part)))
    return {place: tuple(parts) for place, parts in found.items()}


def digests(
    client: Client, projection: Projection, table: str, ends: dict[Place, int]
) -> dict[str, tuple[int, int]]:
    """Of each tenant: how many facts below these offsets, and a hash of them in order.

    Repeats of a fact count once, as in the views.
    """
    columns = "tuple(COLUMNS('^[^_]'))"
    answer = client.query(
        "SELECT tenant, count(),"  # noqa: S608  ours
        " cityHash64(arraySort(groupArray(hash))) FROM (SELECT DISTINCT tenant,"
        f" cityHash64({columns}) AS hash"
        f" FROM {name_of(projection, table)} WHERE _off < {BELOW}) GROUP BY tenant",
        parameters=_vector(ends),
    )
    return {str(row[0]): (int(row[1]), int(row[2])) for row in answer.result_rows}


def rows_of(
    client: Client, projection: Projection, table: str, where: Range
) -> list[Fact]:
    name = name_of(projection, table)
    answer = client.query(
        f"SELECT event_id, _off FROM {name} WHERE {WITHIN} AND {WHICH} > 0",  # noqa: S608  ours
        parameters=_parameters([where]),
    )
    return [(str(row[0]), int(row[1])) for row in answer.result_rows]


def known(
    client: Client, projection: Projection, table: str, ids: Sequence[str]
) -> set[str]:
    """Those of these facts that lie anywhere in the table."""
    name = name_of(projection, table)
    answer = client.query(
        f"SELECT DISTINCT event_id FROM {name}"  # noqa: S608  ours
        " WHERE event_id IN {ids:Array(String)}",
        parameters={"ids": list(ids)},
    )
    return {str(row[0]) for row in answer.result_rows}


def delete(
    client: Client, projection: Projection, table: str, ranges: Sequence[Range]
) -> None:
    """All at once: each statement rewrites parts of the table."""
    name = name_of(projection, table)
    statement = f"DELETE FROM {name} WHERE {WITHIN} AND {WHICH} > 0"  # noqa: S608  ours
    client.command(statement, parameters=_parameters(ranges))


def highest(client: Client, projection: Projection, table: str) -> dict[Place, int]:
    """The highest offset of each partition that a table has rows of."""
    found = client.query(
        "SELECT _topic, _partition, max(_off)"  # noqa: S608  ours
        f" FROM {name_of(projection, table)} GROUP BY _topic, _partition"
    )
    return {(str(row[0]), int(row[1])): int(row[2]) for row in found.result_rows}


def refused_lines(
    client: Client, projection: Projection, table: str, body: bytes
) -> dict[int, str]:
    """Which rows of a block the table will not have, and what it says of each.

    Tried on a table of the same columns that keeps nothing.
    """
    trial = name_of(projection, f"{table}_trial")
    like = name_of(projection, table)
    client.command(f"CREATE TABLE IF NOT EXISTS {trial} AS {like} ENGINE = Null")
    lines = body.splitlines()
    found = dict(_halved(client, trial, lines, range(len(lines))))
    client.command(f"DROP TABLE {trial} SYNC")
    return found


def _halved(
    client: Client, trial: str, lines: Sequence[bytes], which: range
) -> Iterable[tuple[int, str]]:
    try:
        block = b"\n".join(lines[which.start : which.stop])
        client.raw_insert(trial, insert_block=block, fmt="JSONEachRow", settings=TRIAL)
    except DatabaseError as wrong:
        if code_of(wrong) not in REFUSED:
            raise
        if len(which) == 1:
            yield which.start, str(wrong).partition("\n")[0]
            return
        middle = which.start + len(which) // 2
        yield from _halved(client, trial, lines, range(which.start, middle))
        yield from _halved(client, trial, lines, range(middle, which.stop))


TRIAL = {name: ONE_BLOCK[name] for name in ONE_BLOCK if name != "insert_deduplicate"}


def _engines(client: Client, names: Sequence[str]) -> dict[str, str]:
    found = client.query(
        "SELECT name, engine FROM system.tables"
        " WHERE database = {db:String} AND name IN {names:Array(String)}",
        parameters={"db": DATABASE, "names": list(names)},
    )
    return {str(row[0]): str(row[1]) for row in found.result_rows}


def _vector(ends: dict[Place, int]) -> dict[str, list[str] | list[int]]:
    return {
        "places": [f"{topic}/{partition}" for topic, partition in ends],
        "ends": list(ends.values()),
    }


def _parameters(ranges: Sequence[Range]) -> dict[str, list[str] | list[int]]:
    return {
        "topics": [each.topic for each in ranges],
        "parts": [each.partition for each in ranges],
        "starts": [each.start for each in ranges],
        "ends": [each.end for each in ranges],
    }
