"""What connectors and webhook readers promise, and their words; no I/O here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from schemas.clock import Clock


class ReviewState(StrEnum):
    """Where a platform says an item stands."""

    reviewing = "reviewing"
    processing = "processing"
    published = "published"
    limited = "limited"
    rejected = "rejected"
    failed = "failed"
    deleted = "deleted"


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """The application's own identity at a platform (client key and secret)."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A signed-in creator; `credential` is the opened secret (`access_token`, …)."""

    account_id: str
    open_id: str
    credential: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """One finished video with its words.

    `video_url` is a signed GET address for platforms that fetch by themselves;
    `marker` is our publication id.
    """

    title: str
    text: str
    tags: tuple[str, ...]
    video: Path
    video_url: str = field(repr=False)
    cover: Path | None
    category: str | None
    marker: str
    original: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the repeatable upload left at the platform; short-lived, used once."""

    token: str = field(repr=False)
    cover_url: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    item_id: str
    state: ReviewState
    link: str


@dataclass(frozen=True, slots=True)
class Review:
    """`code` and `reason` are the platform's own, verbatim."""

    state: ReviewState
    code: str
    reason: str
    link: str


@dataclass(frozen=True, slots=True)
class Stats:
    views: int
    likes: int
    comments: int
    shares: int
    favourites: int
    completion_rate: float | None = None


@dataclass(frozen=True, slots=True)
class HandOff:
    """A link a person opens on a phone to confirm the publication."""

    link: str = field(repr=False)
    share_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook, read; fields the event does not speak of are empty."""

    message_id: str | None
    event: str
    open_id: str = ""
    item_id: str = ""
    share_id: str = ""
    state: ReviewState | None = None
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The platform asks whether the address is ours; answer 200 with `reply`."""

    reply: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths in characters; `tag_chars_max` counts all tags joined by commas."""

    title_max: int
    text_max: int
    tags_max: int
    tag_chars_max: int
    tags_min: int
    source: str
    as_of: date


class Named(Protocol):
    """What both modes can do: read an item back, and be closed."""

    name: str
    conclusive: bool
    """Whether "not found" by `look_up` proves that nothing was accepted."""

    async def review(self, item_id: str, account: Account) -> Review: ...

    async def stats(self, item_id: str, account: Account) -> Stats: ...

    async def close(self) -> None: ...


class Direct(Named, Protocol):
    """The platform publishes for us through its API."""

    mode: Literal["direct"]

    async def prepare(self, post: Post, account: Account) -> Prepared:
        """Upload the bodies. Repeatable: nothing is public and nothing is counted."""
        ...

    async def publish(
        self, post: Post, prepared: Prepared, account: Account
    ) -> Submitted:
        """Not repeatable: one request, no idempotency key on any platform.

        Raises OutcomeUnknown when the answer was lost; settle it with `look_up`.
        """
        ...

    async def look_up(
        self, post: Post, account: Account, since: datetime
    ) -> Submitted | None:
        """Read-only search for a `publish` at or after `since` of unknown outcome."""
        ...


class HandsOff(Named, Protocol):
    """A person confirms in the platform's app; we make the signed link."""

    mode: Literal["handoff"]

    async def hand_off(self, post: Post, account: Account) -> HandOff:
        """Repeatable: a link alone publishes nothing."""
        ...


Connector: TypeAlias = Direct | HandsOff


class Webhooks(Protocol):
    """How one platform's deliveries are checked, read and acknowledged."""

    ACK: bytes
    """Answered with status 200 and `application/json` once the delivery is kept."""

    def verify(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secrets: AppSecrets,
        now: datetime,
    ) -> None:
        """Check the raw bytes; raises SignatureRefused."""
        ...

    def parse(self, body: bytes) -> Delivery | Challenge:
        """Read a body that was verified; raises Unreadable."""
        ...

    def message_id(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The same for every repetition of one delivery: the key to drop repeats by."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which installation of a platform to talk to, and as which application."""

    secrets: AppSecrets
    clock: Clock
    base_url: str | None = None
    upload_url: str | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """What a platform's folder brings to the registry."""

    name: str
    mode: Literal["direct", "handoff"]
    limits: Limits
    webhooks: Webhooks
    connect: Callable[[Place], Connector]
