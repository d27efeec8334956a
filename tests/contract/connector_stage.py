"""Real stand-ins over HTTP on loopback, and a tiny server their webhooks arrive at."""

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors import registry
from connectors.base import (
    Account,
    AppSecrets,
    Challenge,
    Connector,
    Delivery,
    Direct,
    HandsOff,
    Post,
    Prepared,
)
from connectors.errors import SignatureRefused
from connectors.sandboxes import serving
from connectors.stage import Script, read_script

SECRETS = AppSecrets("client-0001", "app-secret-0123456789abcdef")
QUICK = '"delay":0.05,"pause":0.02'
ARRIVAL_SECONDS = 10.0
JPEG = b"\xff\xd8\xff\xe0" + bytes(200)


def now() -> datetime:
    return datetime.now(UTC)


def script(text: str = "") -> Script:
    return read_script(f"{{{QUICK}{',' if text else ''}{text}}}".encode())


@dataclass
class Inbox:
    """What arrived, after the connector's own check: accepted or refused."""

    platform: str
    busy: int = 0
    accepted: queue.Queue[Delivery] = field(default_factory=queue.Queue)
    refused: queue.Queue[SignatureRefused] = field(default_factory=queue.Queue)
    ids: list[str | None] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        hooks = registry.webhooks(self.platform)
        try:
            hooks.verify(request.headers, body, SECRETS, now())
        except SignatureRefused as refused:
            self.refused.put(refused)
            return Response(status_code=401)
        read = hooks.parse(body)
        if isinstance(read, Challenge):
            return Response(read.reply, media_type="application/json")
        self.ids.append(hooks.message_id(request.headers, body))
        if self.busy:
            self.busy -= 1
            return Response(status_code=503)
        self.accepted.put(read)
        return Response(hooks.ACK, media_type="application/json")


@dataclass
class Scene:
    """One stand-in, our connector pointed at it, and one creator."""

    url: str
    inbox: Inbox
    connector: Connector
    account: Account
    state_file: Path

    @property
    def direct(self) -> Direct:
        match self.connector.mode:
            case "direct":
                return self.connector
            case "handoff":
                raise TypeError(self.connector.name)

    @property
    def hands_off(self) -> HandsOff:
        match self.connector.mode:
            case "handoff":
                return self.connector
            case "direct":
                raise TypeError(self.connector.name)

    def submissions(self) -> list[dict[str, object]]:
        listed = httpx.get(f"{self.url}/sandbox/submissions").json()["submissions"]
        assert isinstance(listed, list)
        return listed

    def open_account(self, **wanted: object) -> Account:
        given = httpx.post(f"{self.url}/sandbox/accounts", json=wanted).json()
        return Account(
            f"account-{given['openId']}",
            given["openId"],
            {
                "access_token": given["accessToken"],
                "refresh_token": given["refreshToken"],
            },
        )

    def challenge(self) -> object:
        return httpx.post(f"{self.url}/sandbox/challenge").json()

    def confirm(self, link: str) -> httpx.Response:
        asked = {"link": link, "openId": self.account.open_id}
        return httpx.post(f"{self.url}/sandbox/person/confirm", json=asked)

    async def publish(self, post: Post, prepared: Prepared | None = None) -> str:
        ready = prepared or await self.direct.prepare(post, self.account)
        return (await self.direct.publish(post, ready, self.account)).item_id


@contextmanager
def scene(
    platform: str,
    folder: Path,
    orders: Script | None = None,
    *,
    secrets: AppSecrets = SECRETS,
) -> Iterator[Scene]:
    """`secrets` are ours; the stand-in always has the right ones."""
    inbox, file = Inbox(platform), folder / f"{platform}.json"
    orders = orders or script()
    with ExitStack() as open_:
        hooks = Starlette(routes=[Route("/hook", inbox.receive, methods=["POST"])])
        hook = open_.enter_context(serving(hooks))
        stand_in = registry.sandbox(platform, SECRETS, f"{hook}/hook", file, orders)
        url = open_.enter_context(serving(stand_in))
        connector = registry.connector(platform, secrets, base_url=url)
        made = Scene(url, inbox, connector, Account("", "", {}), file)
        made.account = made.open_account()
        yield made


def post(folder: Path, *, size: int = 1000, title: str = "五秒看懂") -> Post:
    video, cover = folder / "clip.mp4", folder / "cover.jpg"
    with video.open("wb") as file:
        file.truncate(size)
    cover.write_bytes(JPEG)
    return Post(
        title=title,
        text="一段文字，with spaces & signs +",
        tags=("日常", "教程"),
        video=video,
        video_url="https://cdn.example/v.mp4?X-Amz-Signature=a%2Bb&e=1",
        cover=cover,
        category=None,
        marker="publication-1",
    )
