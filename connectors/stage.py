"""A stand-in's script, the state it keeps in a file, and the webhooks it sends."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar
from uuid import uuid4

import httpx
import msgspec

from connectors.base import AppSecrets
from connectors.calls import BROKEN
from schemas.clock import Clock

WEBHOOK_SECONDS = 5.0
WEBHOOK_ATTEMPTS = 4  # the first and the three repetitions the platforms document
NONCE_LIFE = timedelta(minutes=10)


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to one call of a route instead of the plain answer."""

    do: Literal[
        "pass", "drop_before", "drop_answer_after_accepting", "error", "status", "slow"
    ]
    code: int = 0
    message: str = "ordered by the script"
    status: int = 503
    seconds: float = 0.0


class Script(msgspec.Struct, frozen=True):
    """The n-th step of a route meets the n-th call, counted over restarts."""

    steps: Mapping[str, tuple[Step, ...]] = {}
    review: Literal["open", "rejected"] = "open"
    webhook: Literal["once", "none", "twice", "bad_signature"] = "once"
    delay: float = 1.0
    pause: float = 1.0


def read_script(text: bytes) -> Script:
    """From JSON: route names hold lists of steps beside review, webhook, delay, pause.

    Raises msgspec.ValidationError or msgspec.DecodeError with the place of a mistake.
    """
    fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    orders = set(Script.__struct_fields__) - {"steps"}
    steps = {name: raw for name, raw in fields.items() if name not in orders}
    settings = {name: raw for name, raw in fields.items() if name in orders}
    script = {**settings, "steps": steps}
    return msgspec.json.decode(msgspec.json.encode(script), type=Script)


def check_routes(script: Script, known: set[str]) -> None:
    """A misspelt route would order nothing and prove nothing."""
    if unknown := set(script.steps) - known:
        message = (
            f"script names unknown routes {sorted(unknown)}; known: {sorted(known)}"
        )
        raise ValueError(message)


class Identity(msgspec.Struct):
    """A creator known to the stand-in, under one access token."""

    open_id: str
    refresh_token: str
    until: float


class Sent(msgspec.Struct):
    """One webhook and how often it was tried."""

    event: str
    item_id: str
    attempts: int = 0
    delivered: bool = False


class Kept(msgspec.Struct):
    """State every stand-in keeps; each adds its own."""

    calls: dict[str, int] = msgspec.field(default_factory=dict)
    accounts: dict[str, Identity] = msgspec.field(default_factory=dict)
    nonces: dict[str, float] = msgspec.field(default_factory=dict)
    sent: list[Sent] = msgspec.field(default_factory=list)


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    openId: str = ""  # noqa: N815  the wire is camelCase
    expiresIn: float = 1296000.0  # noqa: N815


S = TypeVar("S", bound=Kept)
Signed: TypeAlias = tuple[dict[str, str], bytes]


class Stage(Generic[S]):
    """One running stand-in: its script, its kept state and its background work."""

    def __init__(
        self, secrets: AppSecrets, url: str, file: Path, script: Script, clock: Clock
    ) -> None:
        self.secrets = secrets
        self.script = script
        self.clock = clock
        self._webhook_url = url
        self._file = file
        self._tasks: set[asyncio.Task[None]] = set()
        self.state: S

    def load(self, shape: type[S]) -> None:
        known = self._file.exists()
        raw = self._file.read_bytes() if known else b"{}"
        self.state = msgspec.json.decode(raw, type=shape)

    def save(self) -> None:
        """Whole file or nothing: a kill in the middle leaves the earlier counts."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(f".{os.getpid()}.new")
        fresh.write_bytes(msgspec.json.encode(self.state))
        fresh.replace(self._file)

    def now(self) -> float:
        return self.clock().timestamp()

    def step(self, route: str) -> Step:
        number = self.state.calls.get(route, 0)
        self.state.calls[route] = number + 1
        self.save()
        ordered = self.script.steps.get(route, ())
        return ordered[number] if number < len(ordered) else Step("pass")

    def use_nonce(self, nonce: str) -> bool:
        """False when it was used before, within the window a message is valid."""
        oldest = self.now() - 2 * NONCE_LIFE.total_seconds()
        nonces = {n: t for n, t in self.state.nonces.items() if t > oldest}
        fresh = nonce not in nonces
        self.state.nonces = {**nonces, nonce: self.now()}
        self.save()
        return fresh

    def open_account(self, wanted: NewAccount) -> dict[str, str]:
        token, refresh = f"act.{uuid4().hex}", f"rft.{uuid4().hex}"
        open_id = wanted.openId or f"creator-{uuid4().hex[:12]}"
        until = self.now() + wanted.expiresIn
        self.state.accounts[token] = Identity(open_id, refresh, until)
        self.save()
        return {"openId": open_id, "accessToken": token, "refreshToken": refresh}

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def tell(self, event: str, item_id: str, sign: Callable[[], Signed]) -> None:
        """Send a webhook as the script orders it; each attempt is signed anew."""
        rounds = {"none": 0, "twice": 2}.get(self.script.webhook, 1)
        for _ in range(rounds):
            sent = Sent(event, item_id)
            self.state.sent.append(sent)
            while sent.attempts < WEBHOOK_ATTEMPTS and not sent.delivered:
                if sent.attempts:
                    await asyncio.sleep(self.script.pause)
                sent.delivered = await self._post(*sign())
                sent.attempts += 1
                self.save()

    async def challenge(self, sign: Callable[[], Signed]) -> bytes:
        headers, body = sign()
        return (await self._send(headers, body)).content

    async def _post(self, headers: dict[str, str], body: bytes) -> bool:
        if self.script.webhook == "bad_signature":
            headers = {n: v[::-1] if _proof(n) else v for n, v in headers.items()}
        try:
            reply = await self._send(headers, body)
        except BROKEN:
            return False
        return reply.is_success

    async def _send(self, headers: dict[str, str], body: bytes) -> httpx.Response:
        limit = WEBHOOK_SECONDS
        async with httpx.AsyncClient(timeout=limit, trust_env=False) as client:
            return await client.post(self._webhook_url, content=body, headers=headers)


def _proof(header: str) -> bool:
    return header.lower() in {"authorization", "x-douyin-signature"}
