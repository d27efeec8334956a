"""What reaches the log past the edge, and what the platforms saw of us."""

from uuid import uuid4

import httpx
from confluent_kafka import Producer

from connectors.stage import WEBHOOK_ATTEMPTS
from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from schemas.envelope import Headers, command, encode
from schemas.ids import derived
from schemas.topics import CONTENT
from streams.log import PRODUCER
from tests.faults.journal import Entry
from tests.faults.oracle import Posts, Told

SPOILT = "a zero \x00 in the name"
BY_KEY = -1
UNDER_REVIEW = -1


class Outsider:
    """What reaches the log past the edge: spoilt text, and owners of long ago."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": settings.need("kafka"),
                "log_level": 0,
                **PRODUCER,
            }
        )
        self._tenant = tenant

    def spoil(self) -> Told:
        """A name that no table of Postgres takes, sent as a command."""
        id_ = str(uuid4())
        wish = command(
            CreateProject(name=SPOILT),
            tenant=self._tenant,
            aggregate_id=derived("spoilt", id_),
            id=id_,
            time=utc_now(),
        )
        value, headers = encode(wish)
        self._send(CONTENT.commands.name, wish.envelope.key.encode(), value, headers)
        return Told(id_, "accepted")

    def haunt(self, entry: Entry) -> None:
        """An owner that was fenced long ago gets through with a late record."""
        headers = {**entry.headers, "ce_id": str(uuid4()), "ce_commandoffset": "0"}
        self._send(
            entry.topic,
            entry.key or b"",
            entry.value,
            [(name, text.encode()) for name, text in headers.items()],
            entry.partition,
        )

    def _send(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Headers,
        partition: int = BY_KEY,
    ) -> None:
        self._producer.produce(
            topic, value=value, key=key, headers=headers, partition=partition
        )
        assert self._producer.flush(20) == 0


def posted(settings: Settings) -> Posts:
    """By title, over both stand-ins and all their restarts."""
    counts: dict[str, int] = {}
    for stage in (settings.bilibili_base_url, settings.douyin_base_url):
        found = httpx.get(f"{stage}/sandbox/submissions", timeout=20).json()
        for each in found["submissions"]:
            title = str(each["title"])
            counts[title] = counts.get(title, 0) + 1
    return Posts(counts)


def told_all(settings: Settings) -> bool:
    """Whether no stand-in still reviews something or has a webhook to deliver."""
    bilibili, douyin = settings.bilibili_base_url, settings.douyin_base_url
    shown = httpx.get(f"{bilibili}/sandbox/submissions", timeout=20).json()
    if any(each["state"] == UNDER_REVIEW for each in shown["submissions"]):
        return False
    sent = (
        each
        for stage in (bilibili, douyin)
        for each in httpx.get(f"{stage}/sandbox/webhooks", timeout=20).json()[
            "webhooks"
        ]
    )
    return all(
        each["delivered"] or each["attempts"] >= WEBHOOK_ATTEMPTS for each in sent
    )
