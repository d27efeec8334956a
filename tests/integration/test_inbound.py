"""Deliveries as the API keeps them become reviews of the publications they name."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from connectors import registry
from infra.settings import Settings
from infra.wiring import ports
from schemas.clock import utc_now
from schemas.commands.publication import RecordReview
from schemas.envelope import Envelope, Record, encode
from schemas.ids import derived, observation_id
from schemas.jobs import Sealed
from schemas.observations import DeliveryReceived
from schemas.registry import Command, wire_name
from schemas.topics import INBOUND, PARKED, PUBLICATION
from streams import inbound
from streams.inbound import FIELD, PLATFORM_TENANT, pack
from streams.keyring import Keyring
from streams.log import Batched
from tests.integration.rolling import Site, Tail, site, until_async

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

ROW = """
INSERT INTO rm_publications_v1.publications (tenant, id, version, event_id, created_at,
  updated_at, platform, share_id, item_id, status, correlation)
VALUES (%s, %s, 1, 'e', now(), now(), %s, %s, %s, 'handed_off', 'c')
"""


class Post:
    """Puts deliveries into the box and shows what came of them."""

    def __init__(self, town: Site, keyring: Keyring, tail: Tail) -> None:
        self.town = town
        self._keyring = keyring
        self._tail = tail
        self._log = Batched(town.kafka)

    def publication(self, *, share_id: str = "", item_id: str = "") -> str:
        id_ = str(uuid4())
        values = (self.town.tenant, id_, "douyin", share_id, item_id)
        self.town.owner.execute(ROW, values)
        return id_

    async def deliver(self, body: bytes, platform: str = "douyin") -> str:
        """As the receiver does: sealed as a whole, under an id of its own."""
        id_ = observation_id(platform, str(uuid4()))
        await self.again(id_, body, platform)
        return id_

    async def again(self, id_: str, body: bytes, platform: str = "douyin") -> None:
        plain = pack({"x-signature": "checked before"}, body)
        sealed = await self._keyring.seal(PLATFORM_TENANT, id_, FIELD, plain)
        data = DeliveryReceived(platform, id_, sealed)
        envelope = Envelope(
            id=id_,
            type=wire_name(DeliveryReceived),
            subject=f"delivery/{id_}",
            tenant=PLATFORM_TENANT,
            time=utc_now(),
            key=f"{platform}:x",
            traceparent=TRACE,
        )
        value, headers = encode(Record(envelope=envelope, data=data))
        self._log.add_raw(INBOUND, envelope.key, value, headers)
        self._log.confirm()

    def reviews(self, publication_id: str) -> list[Record[Command]]:
        found = self._tail.commands(self.town.tenant)
        return [each for each in found if each.envelope.aggregate_id == publication_id]

    def parked(self, id_: str) -> str | None:
        asked = (
            "SELECT reason FROM coordination.parked WHERE reader = 'inbound'"
            " AND event_id = %s"
        )
        row = self.town.row(asked, id_)
        return None if row is None else str(row[0])

    def waiting(self, id_: str) -> bool:
        asked = "SELECT 1 FROM coordination.inbound_waiting WHERE observation_id = %s"
        return self.town.row(asked, id_) is not None


@pytest.fixture(scope="module")
def town(stack: Settings) -> Iterator[Site]:
    with site(stack) as opened:
        yield opened


@asynccontextmanager
async def running(town: Site, keyring: Keyring) -> AsyncIterator[None]:
    stop = asyncio.Event()
    dsn = town.settings.dsn("worker")
    task = asyncio.create_task(
        inbound.run(town.kafka, dsn, keyring, registry.webhooks, utc_now, stop)
    )
    try:
        yield
    finally:
        stop.set()
        await task


@pytest.fixture
async def post(town: Site) -> AsyncIterator[Post]:
    async with ports(town.settings, "worker") as opened:
        keyring = await opened.keyring()
        with town.following(PUBLICATION.commands.name) as tail:
            async with running(town, keyring):
                yield Post(town, keyring, tail)


def create_video(share_id: str, item_id: str) -> bytes:
    content = {"share_id": share_id, "item_id": item_id}
    hook = {"event": "create_video", "from_user_id": "open", "content": content}
    return json.dumps(hook).encode()


async def test_a_delivery_tells_the_publication_it_names(post: Post) -> None:
    share_id = uuid4().hex
    publication_id = post.publication(share_id=share_id)

    id_ = await post.deliver(create_video(share_id, "item-1"))

    (told,) = await until_async(lambda: post.reviews(publication_id))
    assert told.data == RecordReview("reviewing", "item-1", found_by="webhook")
    key = f"{post.town.tenant}:{publication_id}"
    assert told.envelope.id == derived("inbound", id_, key)
    assert (told.envelope.cause, told.envelope.correlation) == (id_, "c")
    assert told.envelope.traceparent == TRACE


async def test_the_same_delivery_twice_is_the_same_command(post: Post) -> None:
    share_id = uuid4().hex
    publication_id = post.publication(share_id=share_id)
    body = create_video(share_id, "item-2")

    await post.again(await post.deliver(body), body)

    told = await until_async(lambda: _two(post.reviews(publication_id)))
    assert told[0].envelope.id == told[1].envelope.id


async def test_one_delivery_tells_every_publication_of_that_item(post: Post) -> None:
    share_id, item_id = uuid4().hex, uuid4().hex
    one = post.publication(share_id=share_id)
    two = post.publication(item_id=item_id)

    await post.deliver(create_video(share_id, item_id))

    (first,) = await until_async(lambda: post.reviews(one))
    (second,) = await until_async(lambda: post.reviews(two))
    assert first.envelope.id != second.envelope.id


async def test_a_delivery_that_is_too_early_waits_for_its_publication(
    post: Post,
) -> None:
    share_id = uuid4().hex
    id_ = await post.deliver(create_video(share_id, "item-3"))
    await until_async(lambda: post.waiting(id_))

    publication_id = post.publication(share_id=share_id)

    (told,) = await until_async(lambda: post.reviews(publication_id))
    assert isinstance(told.data, RecordReview)
    await until_async(lambda: not post.waiting(id_))


async def test_after_a_day_it_is_parked_still_sealed(post: Post) -> None:
    share_id = uuid4().hex
    with post.town.following(PARKED.name) as parked:
        id_ = await post.deliver(create_video(share_id, "item-4"))
        await until_async(lambda: post.waiting(id_))
        post.town.owner.execute(
            "UPDATE coordination.inbound_waiting SET first_seen = %s"
            " WHERE observation_id = %s",
            (datetime(2026, 1, 1, tzinfo=UTC), id_),
        )

        (message,) = await until_async(
            lambda: [each for each in parked.read() if id_.encode() in each.key()]
        )

    value, told = message.value() or b"", dict(message.headers() or ())
    assert json.loads(value)["message_id"] == id_
    assert share_id.encode() not in value
    assert told["parked_by"] == b"inbound"
    await until_async(lambda: not post.waiting(id_))
    assert post.parked(id_) == "no publication of ours within a day"


async def test_what_says_nothing_about_a_publication_is_passed_over(
    post: Post,
) -> None:
    other = {"event": "im_receive_msg", "from_user_id": "x", "content": {}}
    silent = await post.deliver(json.dumps(other).encode())
    broken = await post.deliver(b'{"event": "create_video", "content": {}}')
    share_id = uuid4().hex
    publication_id = post.publication(share_id=share_id)

    await post.deliver(create_video(share_id, "item-5"))

    await until_async(lambda: post.reviews(publication_id))
    assert not post.waiting(silent)
    assert post.parked(silent) is None
    assert not post.waiting(broken)
    assert "Unreadable" in str(post.parked(broken))


async def test_what_nobody_can_read_is_parked_and_the_rest_goes_on(post: Post) -> None:
    """No headers, no JSON, another key, a record that has no business there."""
    id_ = uuid4().hex
    key = f"{PLATFORM_TENANT}:{id_}"
    data = DeliveryReceived("douyin", id_, Sealed(id_, "bm9uc2U=", "Y2lwaGVy"))
    envelope = Envelope(
        id=id_,
        type=wire_name(DeliveryReceived),
        subject=f"delivery/{id_}",
        tenant=PLATFORM_TENANT,
        time=utc_now(),
        key="douyin:x",
    )
    value, headers = encode(Record(envelope=envelope, data=data))
    log = Batched(post.town.kafka)
    log.add_raw(INBOUND, f"douyin:{id_}", value, [])
    log.add_raw(INBOUND, "douyin:x", b"{", headers)
    log.add_raw(INBOUND, f"douyin:{id_} else", value, headers)
    log.confirm()
    share_id = uuid4().hex
    publication_id = post.publication(share_id=share_id)
    await post.deliver(create_video(share_id, "item-6"))
    await until_async(lambda: post.reviews(publication_id))

    asked = (
        "SELECT count(*) FROM coordination.parked WHERE reader = 'inbound'"
        " AND key IN (%s, %s)"
    )
    await until_async(lambda: post.town.row(asked, key, f"douyin:{id_}") == (3,))


def _two(found: list[Record[Command]]) -> list[Record[Command]]:
    return found if len(found) >= 2 else []
