"""Taking a parked stream up again: record by record, in order, while nobody adds to it.

Beside a running reader or without one. Its lock makes a reader that meets the stream
meanwhile wait, and find it free or parked still.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeAlias

import psycopg
from msgspec import Struct, structs
from opensearchpy import OpenSearch

from connectors import registry as platforms
from infra import migrate, release_facts
from infra.problem import Stop
from infra.reconcile import Stores
from infra.settings import Settings
from infra.sources import opensearch_access
from infra.wiring import ports
from projections import indexing, opensearch
from projections.parking import POISON, Unprojectable
from projections.projecting import project, rows_of
from projections.registry import ANALYTICS, INDEX, PROJECTIONS
from projections.table import Projection
from projections.writer import Writer, folded
from schemas.clock import utc_now
from schemas.envelope import Record
from schemas.observations import DeliveryReceived
from schemas.registry import Data
from streams import inbound, reactor
from streams.judging import Unreadable, reread
from streams.log import Batched
from streams.parking import LOCK
from streams.places import Spot, looking, message_at
from streams.reactions.registry import REACTIONS
from streams.reading import partition_counts
from streams.rulings import Rulings, name_of

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Take: TypeAlias = Callable[[Record[Data]], None]

HELD = """
SELECT topic, partition, "offset" FROM coordination.parked
WHERE reader = %s AND key = %s ORDER BY topic, partition, "offset"
"""
FREE = """
DELETE FROM coordination.parked
WHERE reader = %s AND topic = %s AND partition = %s AND "offset" = %s
"""


class Refused(Exception):
    """It still cannot be taken, and why."""


class Released(Struct, frozen=True):
    """How many records were taken up; `reason` is why the first of the rest was not."""

    taken: int
    left: int
    reason: str = ""


def release(settings: Settings, reader: str, key: str) -> Released:
    """What was taken up stays taken up, also where a later record fails again."""
    kafka = settings.need("kafka")
    rulings = Rulings.load(kafka)
    with migrate.connect(settings) as connection, connection.transaction():
        connection.execute(LOCK, (reader, key))
        rows = connection.execute(HELD, (reader, key)).fetchall()
        spots = [(str(t), int(str(p)), int(str(o))) for t, p, o in rows]
        with _taking(settings, connection, reader) as take:
            for taken, spot in enumerate(spots):
                if not rulings.dropped(reader, *spot):
                    try:
                        take(_read(kafka, spot))
                    except Refused as wrong:
                        where = ":".join(map(str, spot))
                        reason = f"{where}: {wrong}"
                        return Released(taken, len(spots) - taken, reason)
                connection.execute(FREE, (reader, *spot))
    return Released(len(spots), 0)


def _read(kafka: str, spot: Spot) -> Record[Data]:
    with looking(kafka) as consumer:
        partitions = partition_counts(consumer)[spot[0]]
        found = reread(message_at(consumer, spot), partitions)
    if isinstance(found, Unreadable):
        raise Refused(found.reason)
    return found


@contextmanager
def _taking(settings: Settings, connection: Connection, reader: str) -> Iterator[Take]:
    """How this reader takes one record; what it sent is confirmed at the end."""
    name = name_of(reader)
    if name == reactor.READER:
        log = Batched(settings.need("kafka"))
        yield lambda record: _react(log, record)
        log.confirm()
    elif name == inbound.READER:
        yield lambda record: asyncio.run(_tell(settings, connection, record))
    elif name == ANALYTICS.name:
        with closing(migrate.analyst_store(settings)) as client:
            kafka, build = settings.need("kafka"), release_facts.projection_of(reader)
            stores = Stores(kafka, connection, client, Rulings(), build)
            yield lambda record: _put_in(stores, record)
    elif name == INDEX.name:
        with closing(opensearch.connect(opensearch_access(settings))) as node:
            build = structs.replace(INDEX, label=reader.partition(".")[2])
            yield lambda record: _index(node, build, record)
    else:
        yield _project(connection, reader)


def _put_in(stores: Stores, record: Record[Data]) -> None:
    if reason := release_facts.put_in(stores, record):
        raise Refused(reason)


def _index(node: OpenSearch, build: Projection, record: Record[Data]) -> None:
    try:
        refused = indexing.put(node, build, project(build, record))
    except Unprojectable as wrong:
        raise Refused(str(wrong)) from wrong
    for reason in refused.values():
        raise Refused(reason)


def _project(connection: Connection, reader: str) -> Take:
    name, _, label = reader.partition(".")
    code = next((each for each in PROJECTIONS if each.name == name), None)
    if code is None:
        raise Stop(f"What {reader} parked cannot be taken up by a command: drop it.")
    projection = structs.replace(code, label=label)
    writer = Writer(connection, [projection])

    def take(record: Record[Data]) -> None:
        try:
            with connection.transaction():
                writer.write(folded(rows_of(projection, [record])))
        except POISON as wrong:
            raise Refused(str(wrong).partition("\n")[0]) from wrong

    return take


def _react(log: Batched, record: Record[Data]) -> None:
    try:
        wishes = list(reactor.commands(record, REACTIONS, utc_now))
    except Exception as wrong:
        raise Refused(f"{type(wrong).__name__}: {wrong}") from wrong
    for wish in wishes:
        log.add(wish)


async def _tell(
    settings: Settings, connection: Connection, record: Record[Data]
) -> None:
    if not isinstance(record.data, DeliveryReceived):
        raise Refused(f"{record.envelope.type} is no delivery")
    async with ports(settings, "worker") as opened:
        teller = inbound.Inbound(
            settings.need("kafka"),
            connection,
            await opened.log(),
            await opened.keyring(),
            platforms.webhooks,
            utc_now,
        )
        seen = record.data
        try:
            told = await teller.tell(record.envelope.id, seen.platform, seen.sealed)
        except inbound.NotUnderstood as wrong:
            raise Refused(str(wrong)) from wrong
    if not told:
        raise Refused("no publication of ours shows it yet")
