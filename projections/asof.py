"""Looks into the past: one read model built up to a place of the log, kept for an hour.

Asked for in `coordination.as_of` by a command or over HTTP; answered by whoever takes
the question first, in a schema of its own that expires.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import LiteralString, TypeAlias

import msgspec
import psycopg
import structlog
from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct, structs
from psycopg import sql

from projections import install
from projections.building import Builder, Ends
from projections.registry import PROJECTIONS, READ_TOPICS
from projections.serving import AWAY, GONE, TOLD
from projections.table import Projection
from streams.places import NotThere, looking, messages_at
from streams.reading import log_ends, partition_counts
from streams.rulings import Rulings

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Vector: TypeAlias = dict[tuple[str, int], int]

_log = structlog.get_logger("projections")

POLL_S = 1.0
ASK = sql.SQL(
    "INSERT INTO coordination.as_of (id, tenant, projection, at, vector)"
    " VALUES (%s, %s, %s, %s, %s) RETURNING id"
)
# Asked with the rights of one tenant.
OPEN_OF_TENANT = sql.SQL(
    "SELECT id FROM coordination.as_of WHERE state IN ('asked', 'building')"
)
LOOK = sql.SQL(
    "SELECT id, state, reason, expires_at FROM coordination.as_of"
    " WHERE id = %s AND projection = %s AND expires_at > clock_timestamp()"
)
OPEN = """
SELECT id FROM coordination.as_of WHERE state IN ('asked', 'building') ORDER BY asked_at
"""
TAKE = """
UPDATE coordination.as_of SET state = 'building'
WHERE id = %s AND state IN ('asked', 'building') RETURNING id, projection, at, vector
"""
LOCK = "SELECT pg_try_advisory_lock(hashtext('as_of'), hashtext(%s))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('as_of'), hashtext(%s))"
STATE = "SELECT state, reason FROM coordination.as_of WHERE id = %s"
END = "UPDATE coordination.as_of SET state = %s, reason = %s WHERE id = %s"
EXPIRED = """
DELETE FROM coordination.as_of WHERE expires_at < clock_timestamp()
RETURNING id, projection
"""


class Question(Struct, frozen=True):
    """A name a person knows, the table that answers it, and the order of its rows."""

    projection: str
    table: str
    order: tuple[str, ...]


class Asked(Struct, frozen=True):
    """What was asked for: a time, or the last offsets to be part of the answer."""

    id: str
    projection: str
    at: datetime | None
    vector: tuple[tuple[str, int, int], ...]


# What is not the name of a read model; `calendar` is what goes out when.
QUESTIONS = {"calendar": Question("publications", "publications", ("at", "id"))}


def question(name: str) -> Question | None:
    """A table, else a read model's first table, else a question with a name."""
    for each in PROJECTIONS:
        for table in each.tables:
            if table.name == name:
                return Question(each.name, name, table.key)
    for each in PROJECTIONS:
        if each.name == name:
            return Question(name, each.tables[0].name, each.tables[0].key)
    return QUESTIONS.get(name)


def moment(text: str) -> datetime:
    """A time that says of which zone it is; raises ValueError for anything else."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text}: say of which zone, as in {text}Z")
    return found


def there(name: str, id_: str) -> Projection:
    """The read model as this look into the past holds it."""
    found = next(each for each in PROJECTIONS if each.name == name)
    return structs.replace(found, label=f"asof_{id_}")


def values(
    id_: str, tenant: str, projection: str, at: datetime | None, vector: Vector
) -> tuple[object, ...]:
    """Of ASK; tenant '' is the person at the machine, who sees every tenant."""
    flat = [(*place, last) for place, last in vector.items()]
    return (id_, tenant, projection, at, msgspec.json.encode(flat).decode())


def serve(kafka: str, postgres: str, stop: threading.Event) -> None:
    """Answers what is asked for and drops what has expired, until `stop` is set."""
    while not stop.is_set():
        try:
            with psycopg.connect(postgres, autocommit=True) as connection:
                while not stop.is_set():
                    sweep(connection)
                    if not answer(connection, kafka):
                        stop.wait(POLL_S)
        except (*GONE, *AWAY, *TOLD) as wrong:
            _log.warning("looking back later", action="wait", reason=str(wrong))
            stop.wait(POLL_S)


def answer(connection: Connection, kafka: str, only: str = "") -> bool:
    """Build what was asked for; False when nobody waits (or another builds it)."""
    found = connection.execute(OPEN).fetchall()
    for (id_,) in found:
        if only in {"", id_} and _locked(connection, LOCK, str(id_)):
            try:
                _answer(connection, kafka, str(id_))
            finally:
                _locked(connection, UNLOCK, str(id_))
            return True
    return False


def _locked(connection: Connection, query: LiteralString, id_: str) -> bool:
    # Whoever builds holds a lock of its session, which ends with its process.
    found = connection.execute(query, (id_,)).fetchone()
    return found is not None and bool(found[0])


def _answer(connection: Connection, kafka: str, id_: str) -> None:
    row = connection.execute(TAKE, (id_,)).fetchone()
    if row is None:
        return
    names = ("id", "projection", "at", "vector")
    asked = msgspec.convert(dict(zip(names, row, strict=True)), Asked)
    projection = there(asked.projection, asked.id)
    try:
        wrong = _filled(connection, kafka, projection, ends_of(kafka, asked))
    except NotThere as gone:
        wrong = f"This position is not on the log: {gone}"
    with connection.transaction():
        install.forget(connection, projection.reader)
        state = "failed" if wrong else "ready"
        connection.execute(END, (state, wrong, asked.id))


def _filled(
    connection: Connection, kafka: str, projection: Projection, ends: Ends
) -> str:
    """Why it could not be built, or nothing."""
    with connection.transaction():
        install.create(connection, projection)
    dropped = Rulings.load(kafka).dropped
    with closing(Builder(kafka, connection, [projection], dropped)) as builder:
        builder.run(ends, exact=True)
        return "; ".join(each.sentence for each in builder.blocked)


def state(connection: Connection, id_: str) -> tuple[str, str]:
    """asked, building, ready or failed, and why; waits a moment for an answer."""
    until = time.monotonic() + POLL_S
    while True:
        found = connection.execute(STATE, (id_,)).fetchone()
        if found is None:
            return "failed", "It has expired: ask again."
        if found[0] in {"ready", "failed"} or time.monotonic() > until:
            return str(found[0]), str(found[1])
        time.sleep(POLL_S / 20)


def sweep(connection: Connection) -> int:
    """Drop what has expired; how many there were."""
    with connection.transaction():
        gone = connection.execute(EXPIRED).fetchall()
        for id_, name in gone:
            install.drop(connection, there(str(name), str(id_)))
    return len(gone)


def ends_of(kafka: str, asked: Asked) -> Ends:
    """The offsets before which everything belongs to the answer.

    A position names some partitions; the others are taken up to the moment at which
    the last record it names was appended.
    """
    vector = {(topic, part): last for topic, part, last in asked.vector}
    named = {place: last + 1 for place, last in vector.items()}
    with looking(kafka) as consumer:
        counts = partition_counts(consumer)
        ends = log_ends(
            consumer,
            [
                (name, each)
                for name in READ_TOPICS
                for each in range(counts.get(name, 0))
            ],
        )
        for place, end in named.items():
            if end > ends.get(place, 0):
                raise NotThere(f"{place[0]}[{place[1]}] has nothing at {end - 1}")
        moment = _millis(asked.at) if asked.at else _newest(kafka, vector)
        return {**_before(consumer, moment, ends), **named}


def _before(consumer: Consumer, moment: int, ends: Ends) -> Ends:
    times = [TopicPartition(*place, moment) for place in ends]
    found = consumer.offsets_for_times(times, timeout=10)
    # Where nothing was appended since, the answer is no offset.
    return {
        (each.topic, each.partition): (
            each.offset if each.offset >= 0 else ends[each.topic, each.partition]
        )
        for each in found
    }


def _newest(kafka: str, vector: Vector) -> int:
    """When the last of these records was appended, and a millisecond."""
    spots = [(*place, last) for place, last in vector.items()]
    stamps = [message.timestamp()[1] for message in messages_at(kafka, spots)]
    return max(stamps, default=0) + 1


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def select(
    asked: Question, id_: str, limit: int, where: Mapping[str, str] | None = None
) -> sql.Composed:
    """`where` keeps rows whose column reads as this text."""
    tests = [
        sql.SQL("{}::text = {}").format(sql.Identifier(name), sql.Literal(text))
        for name, text in (where or {}).items()
    ]
    schema = there(asked.projection, id_).schema
    kept = sql.SQL(" AND ").join(tests) if tests else sql.SQL("true")
    return sql.SQL("SELECT * FROM {} WHERE {} ORDER BY {} LIMIT {}").format(
        sql.Identifier(schema, asked.table),
        kept,
        sql.SQL(", ").join(map(sql.Identifier, asked.order)),
        sql.Literal(limit),
    )
