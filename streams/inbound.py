"""Deliveries from platforms: opened, read, and told to the streams they are about.

A delivery whose publication no row shows yet waits in Postgres, is tried again every
second, and is parked after a day. One that nobody can read is parked at once.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol, TypeAlias

import msgspec
from msgspec import Struct
from psycopg.rows import class_row

from connectors.base import Challenge, Delivery, Webhooks
from schemas.clock import Clock
from schemas.commands.publication import RecordReview
from schemas.envelope import Record, command
from schemas.ids import derived, stream_key
from schemas.jobs import Sealed
from schemas.observations import DeliveryReceived
from schemas.registry import Command, Data
from schemas.topics import INBOUND
from streams import tracing
from streams.faults import reach
from streams.following import Connection, Follower
from streams.judging import envelope_of, unread
from streams.keyring import Tampered
from streams.log import Log
from streams.parking import Found, Parking
from streams.places import messages_at
from streams.reading import Batch

READER = "inbound"
PLATFORM_TENANT = "_platform"
FIELD = "delivery"
PATIENCE = timedelta(days=1)
TOO_LATE = "no publication of ours within a day"
LOOK_S = 1.0

FIND = """
SELECT tenant, id, coalesce(correlation, '') AS correlation FROM read.publications
WHERE platform = %(platform)s AND item_id = %(item)s AND %(item)s <> ''
   OR platform = %(platform)s AND share_id = %(share)s AND %(share)s <> ''
"""
WAIT = """
INSERT INTO coordination.inbound_waiting
  (observation_id, platform, sealed, topic, partition, "offset")
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (observation_id) DO NOTHING
"""
WAITING = """
UPDATE coordination.inbound_waiting SET tries = tries + 1
WHERE observation_id IN (SELECT observation_id FROM coordination.inbound_waiting
  ORDER BY tries, first_seen LIMIT 100)
RETURNING observation_id, platform, sealed::text AS sealed, first_seen, topic,
  partition, "offset"
"""
FOUND = "DELETE FROM coordination.inbound_waiting WHERE observation_id = %s"


class NotUnderstood(Exception):
    """No build like this one will ever make sense of this delivery: park it."""


class Opens(Protocol):
    """The keyring as far as deliveries need it."""

    async def open(self, tenant: str, sealed: Sealed, field: str) -> bytes | None: ...


WebhooksOf: TypeAlias = Callable[[str], Webhooks]


class Parcel(Struct, frozen=True):
    """What the receiver seals as one: the headers it saw and the raw body."""

    headers: Mapping[str, str]
    body: bytes


class Stream(Struct, frozen=True):
    tenant: str
    id: str
    correlation: str


class Waiting(Struct, frozen=True):
    observation_id: str
    platform: str
    sealed: str
    first_seen: datetime
    topic: str
    partition: int
    offset: int


_PARCEL = msgspec.json.Decoder(Parcel)
_SEALED = msgspec.json.Decoder(Sealed)


def pack(headers: Mapping[str, str], body: bytes) -> bytes:
    """The plain bytes to seal under the field `delivery` of tenant `_platform`."""
    return msgspec.json.encode(Parcel(headers, body))


class Inbound:
    """What to do about one delivery; not thread-safe."""

    def __init__(
        self,
        bootstrap: str,
        connection: Connection,
        log: Log,
        keyring: Opens,
        webhooks: WebhooksOf,
        clock: Clock,
    ) -> None:
        self._bootstrap = bootstrap
        self._connection = connection
        self._log = log
        self._keyring = keyring
        self._webhooks = webhooks
        self._clock = clock

    async def tell(
        self, observation_id: str, platform: str, sealed: Sealed, traceparent: str = ""
    ) -> bool:
        """False when it is about something that no row shows yet.

        Raises NotUnderstood; KeyMissing when the keyring has lost a key.
        """
        delivery = await self._opened(platform, sealed)
        if delivery is None or delivery.state is None:
            return True
        streams = self._find(platform, delivery)
        if not streams:
            return False
        now = self._clock()
        reach("inbound.before_append")
        await asyncio.gather(
            *(
                self._log.append(
                    review(observation_id, stream, delivery, now, traceparent)
                )
                for stream in streams
            )
        )
        reach("inbound.appended")
        return True

    async def look_again(self, parking: Parking) -> None:
        """Those that wait, oldest and least tried first."""
        cursor = self._connection.cursor(row_factory=class_row(Waiting))
        for row in cursor.execute(WAITING).fetchall():
            sealed = _SEALED.decode(row.sealed)
            if await self.tell(row.observation_id, row.platform, sealed):
                self._connection.execute(FOUND, (row.observation_id,))
            elif self._clock() - row.first_seen > PATIENCE:
                await asyncio.to_thread(self._give_up, parking, row)

    async def _opened(self, platform: str, sealed: Sealed) -> Delivery | None:
        try:
            plain = await self._keyring.open(PLATFORM_TENANT, sealed, FIELD)
        except (Tampered, ValueError) as wrong:
            raise NotUnderstood(f"{type(wrong).__name__}: {wrong}") from wrong
        if plain is None:
            return None
        try:
            found = self._webhooks(platform).parse(_PARCEL.decode(plain).body)
        except Exception as wrong:
            # It was read once before it was kept: only another build reads less.
            raise NotUnderstood(f"{type(wrong).__name__}: {wrong}") from wrong
        return None if isinstance(found, Challenge) else found

    def _find(self, platform: str, delivery: Delivery) -> list[Stream]:
        asked = {
            "platform": platform,
            "item": delivery.item_id,
            "share": delivery.share_id,
        }
        cursor = self._connection.cursor(row_factory=class_row(Stream))
        return cursor.execute(FIND, asked).fetchall()

    def _give_up(self, parking: Parking, row: Waiting) -> None:
        (message,) = messages_at(
            self._bootstrap, [(row.topic, row.partition, row.offset)]
        )
        found = unread(message, TOO_LATE, envelope_of(message))
        with self._connection.transaction():
            parking.keep(READER, found, found.reason)
            self._connection.execute(FOUND, (row.observation_id,))
            parking.confirm()


def review(
    observation_id: str,
    stream: Stream,
    delivery: Delivery,
    now: datetime,
    traceparent: str,
) -> Record[Command]:
    """The same delivery twice is the same command twice."""
    key = stream_key(stream.tenant, stream.id)
    return command(
        RecordReview(
            state=delivery.state.value if delivery.state else "",
            item_id=delivery.item_id,
            code=delivery.code,
            reason=delivery.reason,
            found_by="webhook",
        ),
        tenant=stream.tenant,
        aggregate_id=stream.id,
        id=derived("inbound", observation_id, key),
        time=now,
        correlation=stream.correlation,
        cause=observation_id,
        auth_id=READER,
        traceparent=traceparent,
    )


async def run(
    bootstrap: str,
    conninfo: str,
    keyring: Opens,
    webhooks: WebhooksOf,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """Until `stop` is set; raises what nobody expected."""
    follower = Follower(bootstrap, conninfo, READER, [INBOUND.name])
    await asyncio.to_thread(follower.open)
    log = Log(bootstrap)
    inbound = Inbound(bootstrap, follower.connection, log, keyring, webhooks, clock)
    try:
        await _loop(follower, inbound, stop)
    finally:
        follower.close()
        await log.close()


async def _loop(follower: Follower, inbound: Inbound, stop: asyncio.Event) -> None:
    looked = monotonic()
    while not stop.is_set():
        # A thread waits for the broker; it is never left behind.
        for batch in await asyncio.to_thread(follower.read, 100, 0.5):
            await _take(follower, inbound, batch)
        if monotonic() - looked >= LOOK_S:
            await inbound.look_again(follower.parking)
            looked = monotonic()


async def _take(follower: Follower, inbound: Inbound, batch: Batch) -> None:
    """Told first; the position moves with what waits and what is parked."""
    kept: list[tuple[str | int, ...]] = []
    odd: list[tuple[Found, str]] = [(each, each.reason) for each in batch.unreadable]
    for record in batch.records:
        try:
            waits = await _told(inbound, record)
        except NotUnderstood as wrong:
            odd.append((record, str(wrong)))
        else:
            kept += waits
    await asyncio.to_thread(_keep, follower, batch, kept, odd)


async def _told(inbound: Inbound, record: Record[Data]) -> list[tuple[str | int, ...]]:
    """The row of a delivery that has to wait, or none."""
    seen, id_ = record.data, record.envelope.id
    if not isinstance(seen, DeliveryReceived):
        raise NotUnderstood(f"{record.envelope.type} does not belong on this topic")
    parent = record.envelope.traceparent
    with tracing.step(f"inbound {seen.platform}", parent, observation=id_) as trace:
        told = await inbound.tell(id_, seen.platform, seen.sealed, trace)
    if told:
        return []
    sealed = msgspec.json.encode(seen.sealed).decode()
    where = (record.topic, record.partition, record.offset)
    return [(id_, seen.platform, sealed, *where)]


def _keep(
    follower: Follower,
    batch: Batch,
    kept: list[tuple[str | int, ...]],
    odd: list[tuple[Found, str]],
) -> None:
    with follower.moving([batch]):
        for row in kept:
            follower.connection.execute(WAIT, row)
        for found, reason in odd:
            follower.parking.keep(READER, found, reason)
