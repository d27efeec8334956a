"""Tools of others: separate services behind a small HTTP contract, never trusted.

GET manifest, GET health, POST use; each request is signed, each answer has a size and a
time it may take, and what it says is held against the manifest. See docs/howto.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

from ai_adapter.tools.shapes import Unsupported, check_schema, faults
from media_agents.errors import FetchRefused, TryLater
from media_agents.fetch import DEFAULT_GUARD, FetchLimits, Guard, ask
from schemas.clock import Clock, utc_now
from streams.agents.others import Registered
from streams.agents.work import Impossible
from streams.agents.work import TryLater as Later

T = TypeVar("T")

LIMITS = FetchLimits(
    max_bytes=256 * 1024, seconds=60.0, connect_seconds=5.0, idle_seconds=30.0
)
_REMEDY = (
    "Ask whoever runs the service to mend it; see docs/howto/add-a-tool-service.md."
)
_SHOWN = 3


class Manifest(Struct, frozen=True):
    """What a service says of itself; the schemas are JSON Schema of the small kind."""

    name: Annotated[str, Meta(pattern="^x-[a-z0-9-]{1,50}$")]
    version: Annotated[str, Meta(min_length=1, max_length=40)]
    about: Annotated[str, Meta(max_length=300)]
    input: dict[str, object]
    output: dict[str, object]


@dataclass(frozen=True, slots=True)
class Service:
    """One registered service; `output` is the schema it was registered with."""

    url: str
    secret: bytes = field(repr=False)
    output: Mapping[str, object] = field(default_factory=dict)


class ToolServices:
    """Raises FetchRefused for good, TryLater while the other side is unwell."""

    def __init__(
        self,
        guard: Guard = DEFAULT_GUARD,
        limits: FetchLimits = LIMITS,
        clock: Clock = utc_now,
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._clock = clock

    async def manifest(self, service: Service) -> Manifest:
        """What it can do; raises FetchRefused for one that cannot be held to it."""
        found = _decoded(await self._ask(service, "GET", "manifest", b""), Manifest)
        try:
            check_schema(found.input)
            check_schema(found.output)
        except Unsupported as wrong:
            raise _lies(str(wrong)) from wrong
        return found

    async def health(self, service: Service) -> None:
        """Returns where it is well."""
        await self._ask(service, "GET", "health", b"")

    async def use(self, service: Service, wish: bytes, request_id: str) -> bytes:
        """The result as JSON that fits the schema; the same id may come again."""
        body = await self._ask(service, "POST", "use", wish, request_id)
        result = _decoded(body, dict[str, object])
        if found := list(faults(service.output, result))[:_SHOWN]:
            raise _lies("; ".join(found))
        return msgspec.json.encode(result)

    async def _ask(
        self, service: Service, method: str, what: str, body: bytes, id_: str = ""
    ) -> bytes:
        path = f"{service.url.rstrip('/')}/{what}"
        at = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Contentops-Timestamp": at,
            "Contentops-Request": id_,
            "Contentops-Signature": signature(service.secret, at, what, body),
        }
        return await ask(
            method, path, body, headers, limits=self._limits, guard=self._guard
        )


class Secrets(Protocol):
    async def get_secret(self, tenant: str, ref: str) -> bytes: ...


class ServiceCalls:
    """A registered service, asked for a job; raises what a job's work raises."""

    def __init__(self, services: ToolServices, secrets: Secrets) -> None:
        self._services = services
        self._secrets = secrets

    async def call(
        self, tenant: str, service: Registered, wish: str, request_id: str
    ) -> str:
        secret = await self._secrets.get_secret(tenant, service.secret_ref)
        output = msgspec.json.decode(service.output, type=dict[str, object])
        there = Service(service.url, secret, output)
        try:
            found = await self._services.use(there, wish.encode(), request_id)
        except FetchRefused as no:
            raise Impossible(no.code, no.reason) from no
        except TryLater as away:
            raise Later(away.code, away.reason) from away
        return found.decode()


def signature(secret: bytes, at: str, what: str, body: bytes) -> str:
    """`v1=` and HMAC-SHA256 over time, name of the call and body, joined by dots."""
    signed = b".".join((at.encode(), what.encode(), body))
    return "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise _lies(str(wrong)) from wrong


def _lies(reason: str) -> FetchRefused:
    return FetchRefused("service_unfit", f"the service answered: {reason}", _REMEDY)
