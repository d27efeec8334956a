"""Everything the edge is made of, as ports; infra/wiring.py hands in the real ones."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypeAlias

from ai_adapter.base import Answer, Ask, Piece
from ai_adapter.moderation.moderator import Moderator
from api.direct import Direct
from api.gate import Gate
from connectors.base import AppSecrets, Limits, Webhooks
from media_agents.storage import Storage
from media_agents.tool_services import ToolServices
from projections.registry import PROJECTIONS
from projections.search import Search
from schemas.clock import Clock
from schemas.envelope import Record
from schemas.jobs import Sealed
from schemas.registry import Data
from schemas.topics import Topic
from streams.ai_terms import AiTerms, Unlimited
from streams.decisions import Decision
from streams.log import Appended
from streams.pools import Pool

Check: TypeAlias = Callable[[], Awaitable[None]]
Vector: TypeAlias = dict[tuple[str, int], int]


class Appends(Protocol):
    """The log as the edge sees it: commands and observations, acknowledged."""

    async def append(
        self, record: Record[Data], topic: Topic | None = None
    ) -> Appended:
        """Raises TooLarge, or NotAcknowledged when the outcome is unknown."""
        ...


class Decides(Protocol):
    """How the edge learns what became of a command."""

    async def decision(
        self, tenant: str, command_id: str, wait_s: float
    ) -> Decision | None: ...

    async def reached(
        self, wanted: Vector, readers: Iterable[str], wait_s: float
    ) -> bool: ...


class Keys(Protocol):
    """Personal fields, secrets and the tenant's own authentication codes."""

    async def seal(
        self, tenant: str, subject_id: str, field: str, plain: bytes
    ) -> Sealed: ...

    async def open(self, tenant: str, sealed: Sealed, field: str) -> bytes | None: ...

    async def put_secret(self, tenant: str, name: str, plain: bytes) -> str: ...

    async def get_secret(self, tenant: str, ref: str) -> bytes: ...

    async def mac(self, tenant: str, message: bytes) -> str: ...


class Gateway(Protocol):
    """Any model, or a template that says it is one; see ai_adapter.gateway."""

    async def ask(self, ask: Ask) -> Answer: ...

    async def ready(self, ask: Ask) -> Answer | None: ...

    def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]: ...

    def most(self, ask: Ask) -> dict[str, Decimal] | None: ...


class Terms(Protocol):
    """What the log says of a tenant's AI calls, at most half a second old."""

    async def look(self, tenant: str, /) -> AiTerms: ...


class Platforms(Protocol):
    """What the edge must know of platforms; all raise UnknownPlatform."""

    def limits(self, platform: str) -> Limits: ...

    def mode(self, platform: str) -> str: ...

    def webhooks(self, platform: str) -> Webhooks: ...

    def app_secrets(self, platform: str) -> AppSecrets:
        """Raises Misconfigured where this installation has no application there."""
        ...


class Analytics(Protocol):
    """ClickHouse as the read-only analyst; every value is a bound parameter."""

    async def rows(
        self, sql: str, bound: Mapping[str, object]
    ) -> list[dict[str, object]]: ...


@dataclass(frozen=True, slots=True)
class Edge:
    """Settings of the HTTP edge; lengths of time in seconds."""

    public_url: str
    link_key: bytes = field(repr=False)
    postgres: str = field(repr=False, default="")
    kafka: str = ""
    store_origin: str = ""
    media_url: str = ""
    """What goes before the key of a public object; empty = it is signed, too."""
    upload_max: int = 4 << 30
    decision_s: float = 2.0
    upload_s: int = 3600
    upload_open_s: int = 86_400
    link_s: int = 6 * 3600
    readers: tuple[str, ...] = tuple(each.name for each in PROJECTIONS)
    searchers: tuple[str, ...] = ()
    """Readers that searches rest on besides."""


@dataclass(frozen=True, slots=True)
class Parts:
    """One process of the role `api`."""

    pool: Pool
    log: Appends
    decisions: Decides
    keyring: Keys
    storage: Storage
    gateway: Gateway
    platforms: Platforms
    analytics: Analytics
    search: Search
    clock: Clock
    edge: Edge
    terms: Terms = field(default_factory=Unlimited)
    moderator: Moderator = field(default_factory=Moderator)
    gate: Gate = field(default_factory=Gate)
    direct: Direct = field(default_factory=Direct)
    services: ToolServices = field(default_factory=ToolServices)
    checks: Mapping[str, Check] = field(default_factory=dict)
    """What must answer for this process to be ready, by name."""
