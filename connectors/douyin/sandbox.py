"""A scripted stand-in for Douyin's open platform and for the person with the phone."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.base import AppSecrets
from connectors.douyin import sandbox_rules as rules
from connectors.douyin.routes import Routes
from connectors.douyin.signing import delivery_signature
from connectors.sandboxes import (
    No,
    application,
    as_json,
    plainly,
    read_body,
    scripted,
)
from connectors.stage import NewAccount, Script, Signed, Stage, check_routes
from schemas.clock import Clock, utc_now

T = TypeVar("T")

TOKEN_CALLS_PER_MINUTE = 60


class Credential(msgspec.Struct, frozen=True):
    client_key: str
    client_secret: str
    grant_type: str


class Confirm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    link: str
    openId: str = ""  # noqa: N815  the wire is camelCase


class Wanted(msgspec.Struct, frozen=True):
    item_ids: tuple[str, ...]


def app(
    secrets: AppSecrets,
    webhook_url: str,
    state_file: Path,
    script: Script,
    clock: Clock = utc_now,
) -> ASGIApp:
    """The stand-in; signs its webhooks with `secrets` and checks our links by them."""
    stage: Stage[rules.State] = Stage(secrets, webhook_url, state_file, script, clock)
    stage.load(rules.State)
    platform, person = _Platform(stage), _Person(stage)
    paths = Routes()
    plain = {
        "client_token": (paths.client_token, platform.client_token, "POST"),
        "ticket": (paths.ticket, platform.ticket, "GET"),
        "share_id": (paths.share_id, platform.share_id, "GET"),
        "video_data": (paths.video_data, platform.video_data, "POST"),
    }
    check_routes(script, set(plain))
    routes = [
        Route(path, scripted(stage, name, endpoint, _refuse), methods=[method])
        for name, (path, endpoint, method) in plain.items()
    ]
    own = {
        "/sandbox/person/confirm": person.confirm,
        "/sandbox/challenge": person.challenge,
    }
    routes += [Route(p, plainly(e), methods=["POST"]) for p, e in own.items()]
    routes.append(Route("/sandbox/submissions", person.submissions))
    return application(stage, routes, person.resume)


class _Platform:
    """The documented calls."""

    def __init__(self, stage: Stage[rules.State]) -> None:
        self._stage = stage
        self._asked: list[float] = []

    async def client_token(self, request: Request) -> Response:
        given = _decoded(await request.body(), Credential)
        self._limit()
        if given.grant_type != "client_credential":
            raise No(10002, "grant_type must be client_credential")
        if given.client_key != self._stage.secrets.client_id:
            raise No(10003, "client_key is wrong")
        if given.client_secret != self._stage.secrets.client_secret:
            raise No(10013, "client_key or client_secret is wrong")
        token = rules.issue_token(self._stage.state, self._stage.now())
        self._stage.save()
        seconds = str(int(rules.TOKEN_LIFE.total_seconds()))
        return _ok({"access_token": token, "expires_in": seconds})

    async def ticket(self, request: Request) -> Response:
        self._application(request)
        ticket, life = f"@ticket-{uuid4().hex}", rules.TOKEN_LIFE.total_seconds()
        self._stage.state.tickets[ticket] = self._stage.now() + life
        self._stage.save()
        return _ok({"ticket": ticket, "expires_in": int(life)})

    async def share_id(self, request: Request) -> Response:
        self._application(request)
        if request.query_params.get("need_callback") != "true":
            raise No(10002, "need_callback=true is needed to hear of the result")
        share_id = uuid4().hex
        self._stage.state.shares[share_id] = self._stage.now()
        self._stage.save()
        return _ok({"share_id": share_id})

    async def video_data(self, request: Request) -> Response:
        known = self._stage.state.accounts.get(request.headers.get("access-token", ""))
        if known is None or known.until <= self._stage.now():
            raise No(2190008, "access_token is invalid or expired")
        if request.query_params.get("open_id") != known.open_id:
            raise No(2190015, "open_id does not belong to the access_token")
        wanted = _decoded(await request.body(), Wanted).item_ids
        own = [
            rules.shown(item, self._stage.now())
            for item in self._stage.state.items
            if item.item_id in wanted and item.open_id == known.open_id
        ]
        return _ok({"list": own})

    def _application(self, request: Request) -> None:
        token = request.headers.get("access-token", "")
        if self._stage.state.tokens.get(token, 0.0) <= self._stage.now():
            raise No(2190008, "access_token is invalid or expired")

    def _limit(self) -> None:
        now = self._stage.now()
        self._asked = [*(t for t in self._asked if t > now - 60), now]
        if len(self._asked) > TOKEN_CALLS_PER_MINUTE:
            raise No(28001016, "the client_key is banned: too many client tokens")


class _Person:
    """A phone user opens the link; later the platform's review ends."""

    def __init__(self, stage: Stage[rules.State]) -> None:
        self._stage = stage

    def resume(self) -> None:
        for item in self._stage.state.items:
            if item.status == 4:
                self._stage.spawn(self._review(item))
            if not item.told:
                self._stage.spawn(self._tell(item))

    async def confirm(self, request: Request) -> Response:
        asked = await read_body(request, Confirm)
        stage = self._stage
        key = stage.secrets.client_id
        opened = rules.open_link(asked.link, stage.state, key, stage.now())
        if not stage.use_nonce(opened.nonce):
            raise No(10002, "this link was opened before")
        open_id = asked.openId or self._latest()
        item = rules.item(opened, open_id, stage.now(), stage.script.delay)
        stage.state.items.append(item)
        stage.save()
        stage.spawn(self._tell(item))
        stage.spawn(self._review(item))
        told = {"itemId": item.item_id, "link": rules.page(item)}
        return as_json({**told, "shareId": item.share_id, "openId": open_id}, 201)

    async def submissions(self, _: Request) -> Response:
        items = self._stage.state.items
        counted = Counter(item.caption for item in items)
        listed = [_listed(item, counted[item.caption]) for item in items]
        return as_json({"submissions": listed, "total": len(items)})

    async def challenge(self, _: Request) -> Response:
        """Ask the webhook address to prove itself, as the console does at set-up."""
        content = {"event": "verify_webhook", "client_key": ""}
        body = msgspec.json.encode({**content, "content": {"challenge": 12345}})
        reply = await self._stage.challenge(
            lambda: _signed(self._stage, body, uuid4().hex)
        )
        return as_json({"ok": reply == b'{"challenge":12345}'})

    def _latest(self) -> str:
        known = list(self._stage.state.accounts.values())
        if known:
            return known[-1].open_id
        return self._stage.open_account(NewAccount())["openId"]

    async def _tell(self, item: rules.Item) -> None:
        body = _event(self._stage, item)
        # one id for every repetition, also after a restart: they are one message
        message_id = f"msg-{item.item_id[1:33]}"
        await self._stage.tell(
            "create_video",
            item.item_id,
            lambda: _signed(self._stage, body, message_id),
        )
        item.told = True
        self._stage.save()

    async def _review(self, item: rules.Item) -> None:
        await asyncio.sleep(max(0.0, item.due - self._stage.now()))
        item.status = 2 if self._stage.script.review == "rejected" else 5
        self._stage.save()


def _listed(item: rules.Item, count: int) -> dict[str, object]:
    title, _, desc = item.caption.partition("\n")
    return {
        "itemId": item.item_id,
        "openId": item.open_id,
        "shareId": item.share_id,
        "title": title,
        "desc": desc,
        "tags": item.tags,
        "time": datetime.fromtimestamp(item.ctime, UTC).isoformat(),
        "state": item.status,
        "count": count,
    }


def _event(stage: Stage[rules.State], item: rules.Item) -> bytes:
    content = {
        "share_id": item.share_id,
        "item_id": item.item_id,
        "video_id": str(int(item.ctime * 1_000_000)),
        "has_default_hashtag": bool(item.tags),
    }
    envelope = {
        "event": "create_video",
        "from_user_id": item.open_id,
        "client_key": stage.secrets.client_id,
        "log_id": item.share_id,
        # the platform sends this event's content as a string of JSON
        "content": msgspec.json.encode(content).decode(),
    }
    return msgspec.json.encode(envelope)


def _signed(stage: Stage[rules.State], body: bytes, message_id: str) -> Signed:
    proof = delivery_signature(body, stage.secrets.client_secret)
    kind = {"content-type": "application/json"}
    return {**kind, "X-Douyin-Signature": proof, "Msg-Id": message_id}, body


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError) as error:
        raise No(10002, str(error)) from None


def _ok(value: dict[str, object]) -> Response:
    fine = {"error_code": 0, "description": ""}
    return as_json({"data": {**value, **fine}, "extra": {**fine, "logid": "sandbox"}})


def _refuse(code: int, message: str) -> Response:
    said = {"error_code": code, "description": message}
    return as_json({"data": said, "extra": {**said, "logid": "sandbox"}})
