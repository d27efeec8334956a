"""Deliveries from platforms: opened, read, and told to the streams they are about.

A delivery whose publication no row shows yet waits in Postgres, is tried again every
second, and is parked after a day.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol, TypeAlias

import msgspec
import structlog
from msgspec import Struct
from psycopg.rows import class_row

from connectors.base import Challenge, Delivery, Webhooks
from connectors.errors import Unreadable
from schemas.clock import Clock
from schemas.commands.publication import RecordReview
from schemas.envelope import Record, command
from schemas.ids import derived, stream_key
from schemas.jobs import Sealed
from schemas.observations import DeliveryReceived
from schemas.registry import Command
from schemas.topics import INBOUND, PARKED
from streams.following import Connection, Follower
from streams.log import Log
from streams.positions import Fenced
from streams.reading import Batch

logger = structlog.get_logger()

READER = "inbound"
PLATFORM_TENANT = "_platform"
FIELD = "delivery"
PATIENCE = timedelta(days=1)
LOOK_S = 1.0

FIND = """
SELECT tenant, id, coalesce(correlation, '') AS correlation FROM read.publications
WHERE platform = %(platform)s AND item_id = %(item)s AND %(item)s <> ''
   OR platform = %(platform)s AND share_id = %(share)s AND %(share)s <> ''
"""
WAIT = """
INSERT INTO coordination.inbound_waiting (observation_id, platform, sealed)
VALUES (%s, %s, %s) ON CONFLICT (observation_id) DO NOTHING
"""
WAITING = """
UPDATE coordination.inbound_waiting SET tries = tries + 1
WHERE observation_id IN (SELECT observation_id FROM coordination.inbound_waiting
  ORDER BY tries, first_seen LIMIT 100)
RETURNING observation_id, platform, sealed::text AS sealed, first_seen
"""
FOUND = "DELETE FROM coordination.inbound_waiting WHERE observation_id = %s"


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


_PARCEL = msgspec.json.Decoder(Parcel)
_SEALED = msgspec.json.Decoder(Sealed)


def pack(headers: Mapping[str, str], body: bytes) -> bytes:
    """The plain bytes to seal under the field `delivery` of tenant `_platform`."""
    return msgspec.json.encode(Parcel(headers, body))


class Inbound:
    def __init__(
        self,
        connection: Connection,
        log: Log,
        keyring: Opens,
        webhooks: WebhooksOf,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._log = log
        self._keyring = keyring
        self._webhooks = webhooks
        self._clock = clock

    async def tell(self, observation_id: str, platform: str, sealed: Sealed) -> bool:
        """False when it is about something that no row shows yet."""
        delivery = await self._opened(observation_id, platform, sealed)
        if delivery is None or delivery.state is None:
            return True
        streams = self._find(platform, delivery)
        now = self._clock()
        await asyncio.gather(
            *(
                self._log.append(review(observation_id, stream, delivery, now))
                for stream in streams
            )
        )
        return bool(streams)

    async def look_again(self) -> None:
        """Those that wait, oldest and least tried first."""
        cursor = self._connection.cursor(row_factory=class_row(Waiting))
        for row in cursor.execute(WAITING).fetchall():
            sealed = _SEALED.decode(row.sealed)
            told = await self.tell(row.observation_id, row.platform, sealed)
            if not told and self._clock() - row.first_seen > PATIENCE:
                await self._park(row)
                told = True
            if told:
                self._connection.execute(FOUND, (row.observation_id,))

    async def _opened(
        self, observation_id: str, platform: str, sealed: Sealed
    ) -> Delivery | None:
        plain = await self._keyring.open(PLATFORM_TENANT, sealed, FIELD)
        if plain is None:
            return None
        try:
            found = self._webhooks(platform).parse(_PARCEL.decode(plain).body)
        except Unreadable as wrong:
            # It was read once before it was kept: only a newer build reads less.
            logger.warning(
                "unreadable", action="skip", id=observation_id, why=str(wrong)
            )
            return None
        return None if isinstance(found, Challenge) else found

    def _find(self, platform: str, delivery: Delivery) -> list[Stream]:
        asked = {
            "platform": platform,
            "item": delivery.item_id,
            "share": delivery.share_id,
        }
        cursor = self._connection.cursor(row_factory=class_row(Stream))
        return cursor.execute(FIND, asked).fetchall()

    async def _park(self, row: Waiting) -> None:
        body = {
            "reader": READER,
            "observationId": row.observation_id,
            "platform": row.platform,
            "reason": "no publication of ours within a day",
            "sealed": msgspec.Raw(row.sealed.encode()),
        }
        key = stream_key(PLATFORM_TENANT, row.observation_id)
        await self._log.append_raw(PARKED, key, msgspec.json.encode(body))
        logger.error("parked", action="park", id=row.observation_id)


def review(
    observation_id: str, stream: Stream, delivery: Delivery, now: datetime
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
    inbound = Inbound(follower.connection, log, keyring, webhooks, clock)
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
            await inbound.look_again()
            looked = monotonic()


async def _take(follower: Follower, inbound: Inbound, batch: Batch) -> None:
    """Told or kept first; the position moves with what is kept."""
    kept: list[tuple[str, str, bytes]] = []
    for record in batch.records:
        if not isinstance(record.data, DeliveryReceived):
            continue
        seen, id_ = record.data, record.envelope.id
        if not await inbound.tell(id_, seen.platform, seen.sealed):
            kept.append((id_, seen.platform, msgspec.json.encode(seen.sealed)))
    try:
        with follower.connection.transaction():
            for id_, platform, sealed in kept:
                follower.connection.execute(WAIT, (id_, platform, sealed.decode()))
            follower.done(batch)
    except Fenced:
        follower.again(batch)
