"""A scripted stand-in for Bilibili's open platform: strict where its pages are."""

import asyncio
import hashlib
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
from connectors.bilibili import sandbox_rules as rules
from connectors.bilibili import signing
from connectors.bilibili.routes import COVER_BYTES_MAX, VIDEO_BYTES_MAX, Routes
from connectors.errors import SignatureRefused
from connectors.sandboxes import (
    No,
    application,
    as_json,
    plainly,
    scripted,
)
from connectors.stage import Script, Signed, Stage, check_routes
from schemas.clock import Clock, utc_now

T = TypeVar("T")


def app(
    secrets: AppSecrets,
    webhook_url: str,
    state_file: Path,
    script: Script,
    clock: Clock = utc_now,
) -> ASGIApp:
    """The stand-in; signs its webhooks with `secrets` and checks ours by them."""
    stage: Stage[rules.State] = Stage(secrets, webhook_url, state_file, script, clock)
    stage.load(rules.State)
    uploads, archives, own = _Uploads(stage), _Archives(stage), _Own(stage)
    paths = Routes()
    plain = {
        "init": (paths.init, uploads.init, "POST"),
        "part": (paths.part, uploads.part, "POST"),
        "complete": (paths.complete, uploads.complete, "POST"),
        "cover": (paths.cover, uploads.cover, "POST"),
        "categories": (paths.categories, archives.categories, "GET"),
        "submit": (paths.submit, archives.submit, "POST"),
        "view": (paths.view, archives.view, "GET"),
        "list": (paths.recent, archives.list, "GET"),
        "stats": (paths.stats, archives.stats, "GET"),
    }
    check_routes(script, set(plain))
    routes = [
        Route(path, scripted(stage, name, endpoint, _refuse), methods=[method])
        for name, (path, endpoint, method) in plain.items()
    ]
    routes.append(Route("/sandbox/submissions", own.submissions))
    ask = plainly(own.challenge)
    routes.append(Route("/sandbox/challenge", ask, methods=["POST"]))
    return application(stage, routes, archives.resume)


class _Uploads:
    """Parts and covers: received, measured and thrown away."""

    def __init__(self, stage: Stage[rules.State]) -> None:
        self._stage = stage

    async def init(self, request: Request) -> Response:
        body, open_id = await _checked(self._stage, request)
        begin = _decoded(body, rules.Begin)
        if "." not in begin.name or begin.utype != "0":
            raise No(4000, 'name needs an extension, utype must be "0"')
        token = uuid4().hex
        self._stage.state.uploads[token] = rules.Upload(open_id, begin.name)
        self._stage.save()
        return _ok({"upload_token": token})

    async def part(self, request: Request) -> Response:
        """Not signed: the token alone opens it, as at the real upload host."""
        upload = _upload(self._stage, request)
        number = request.query_params.get("part_number", "")
        if not number.isdecimal() or int(number) < 1 or upload.complete:
            raise No(4000, "part_number counts from 1, before complete")
        size, digest = 0, hashlib.md5(usedforsecurity=False)
        async for chunk in request.stream():
            size += len(chunk)
            digest.update(chunk)
        if not size:
            raise No(4000, "the part is empty")
        upload.parts[str(int(number))] = size
        self._stage.save()
        return _ok({"etag": digest.hexdigest()})

    async def complete(self, request: Request) -> Response:
        await _checked(self._stage, request)
        upload = _upload(self._stage, request)
        expected = {str(number + 1) for number in range(len(upload.parts))}
        if not upload.parts or set(upload.parts) != expected:
            raise No(4000, "parts are missing")
        if sum(upload.parts.values()) > VIDEO_BYTES_MAX:
            raise No(4000, "the video is bigger than 4 GB")
        upload.complete = True
        self._stage.save()
        return _ok({})

    async def cover(self, request: Request) -> Response:
        await _checked(self._stage, request, multipart=True)
        content = rules.file_of(await request.body())
        if not content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            raise No(127102, "the cover must be jpg or png")
        if len(content) > COVER_BYTES_MAX:
            raise No(4000, "the cover is bigger than 5 MB")
        name = hashlib.sha256(content).hexdigest()[:32]
        url = f"https://archive.biliimg.example/bfs/archive/{name}.jpg"
        self._stage.state.covers.append(url)
        self._stage.save()
        return _ok({"url": url})


class _Archives:
    """Submissions, their review and what is counted about them."""

    def __init__(self, stage: Stage[rules.State]) -> None:
        self._stage = stage

    def resume(self) -> None:
        for item in self._stage.state.items:
            if not item.told:
                self._stage.spawn(self._review(item))

    async def categories(self, request: Request) -> Response:
        await _checked(self._stage, request)
        return _ok(rules.CATEGORIES)

    async def submit(self, request: Request) -> Response:
        body, open_id = await _checked(self._stage, request)
        wanted = _decoded(body, rules.Submission)
        rules.valid(wanted, self._stage.state)
        upload = _upload(self._stage, request)
        if upload.open_id != open_id or not upload.complete or upload.used:
            raise No(127022, "upload_token check failed")
        upload.used = True
        item = rules.item(wanted, upload, self._stage.now(), self._stage.script.delay)
        self._stage.state.items.append(item)
        self._stage.save()
        self._stage.spawn(self._review(item))
        return _ok({"resource_id": item.resource_id})

    async def view(self, request: Request) -> Response:
        return _ok(rules.shown(await self._asked(request)))

    async def list(self, request: Request) -> Response:
        _, open_id = await _checked(self._stage, request)
        query = request.query_params
        number, size = _count(query.get("pn", "1")), _count(query.get("ps", "20"))
        own = [i for i in reversed(self._stage.state.items) if i.open_id == open_id]
        page = own[(number - 1) * size : number * size]
        paging = {"pn": number, "ps": size, "total": len(own)}
        return _ok({"page": paging, "list": [rules.shown(item) for item in page]})

    async def stats(self, request: Request) -> Response:
        item = await self._asked(request)
        seconds = max(0.0, self._stage.now() - item.due) if item.state == 0 else 0.0
        views = int(seconds * 20)
        counted = {"view": views, "like": views // 8, "reply": views // 40}
        more = {"share": views // 60, "favorite": views // 25, "coin": views // 90}
        words = {"title": item.title, "ptime": int(item.due), "danmaku": views // 30}
        return _ok({**words, **counted, **more})

    async def _asked(self, request: Request) -> rules.Item:
        _, open_id = await _checked(self._stage, request)
        wanted = request.query_params.get("resource_id", "")
        for item in self._stage.state.items:
            if item.resource_id == wanted and item.open_id == open_id:
                return item
        raise No(127124, "no such archive")

    async def _review(self, item: rules.Item) -> None:
        await asyncio.sleep(max(0.0, item.due - self._stage.now()))
        rejected = self._stage.script.review == "rejected"
        item.state = -2 if rejected else 0
        item.reason = "稿件内容不符合社区规范" if rejected else ""
        self._stage.save()
        event = "video_fail" if rejected else "video_open"
        body = _event(self._stage, item, event)
        await self._stage.tell(
            event, item.resource_id, lambda: _signed(self._stage, body)
        )
        item.told = True
        self._stage.save()


class _Own:
    """Routes of the stand-in itself, for tests and demonstrations."""

    def __init__(self, stage: Stage[rules.State]) -> None:
        self._stage = stage

    async def submissions(self, _: Request) -> Response:
        items = self._stage.state.items
        counted = Counter((item.title, item.desc) for item in items)
        listed = [
            {
                "itemId": item.resource_id,
                "openId": item.open_id,
                "title": item.title,
                "desc": item.desc,
                "time": datetime.fromtimestamp(item.ctime, UTC).isoformat(),
                "state": item.state,
                "size": item.size,
                "parts": item.parts,
                "count": counted[item.title, item.desc],
            }
            for item in items
        ]
        return as_json({"submissions": listed, "total": len(items)})

    async def challenge(self, _: Request) -> Response:
        """Ask the webhook address to prove itself, as the console does at set-up."""
        content = {"event": "verify_webhooks", "content": {"data": 1371848576}}
        body = msgspec.json.encode({**content, "timestamp": "2021-01-01 12:01:01"})
        reply = await self._stage.challenge(lambda: _signed(self._stage, body))
        return as_json({"ok": reply == b'{"data":1371848576}'})


async def _checked(
    stage: Stage[rules.State], request: Request, *, multipart: bool = False
) -> tuple[bytes, str]:
    """The body and the creator, after every check the pages name."""
    body = await request.body()
    expected = "multipart/form-data" if multipart else "application/json"
    if not request.headers.get("content-type", "").startswith(expected):
        raise No(4003, f"Content-Type must be {expected}")
    if request.headers.get("accept") != "application/json":
        raise No(4003, "Accept must be application/json")
    try:
        signed = b"" if multipart else body
        signing.verify(request.headers, signed, stage.secrets, stage.clock())
    except SignatureRefused as refused:
        raise No(_signature_code(refused.field), str(refused)) from None
    if not stage.use_nonce(request.headers["x-bili-signature-nonce"]):
        raise No(4003, "x-bili-signature-nonce was used before")
    return body, _creator(stage, request.headers.get("access-token", ""))


def _creator(stage: Stage[rules.State], token: str) -> str:
    if not token:
        raise No(127000, "access_token is missing")
    known = stage.state.accounts.get(token)
    if known is None or known.until <= stage.now():
        raise No(127001, "access_token check failed")
    return known.open_id


def _signature_code(field: str) -> int:
    return {"authorization": 4002, "x-bili-accesskeyid": 122000}.get(field, 4003)


def _upload(stage: Stage[rules.State], request: Request) -> rules.Upload:
    upload = stage.state.uploads.get(request.query_params.get("upload_token", ""))
    if upload is None:
        raise No(127022, "upload_token check failed")
    return upload


def _event(stage: Stage[rules.State], item: rules.Item, event: str) -> bytes:
    content = {
        "openid": item.open_id,
        "client_id": stage.secrets.client_id,
        "resource_id": item.resource_id,
        "state": item.state,
        "state_desc": item.reason or "开放浏览",
    }
    time = stage.clock().strftime("%Y-%m-%d %H:%M:%S")
    return msgspec.json.encode({"event": event, "content": content, "timestamp": time})


def _signed(stage: Stage[rules.State], body: bytes) -> Signed:
    nonce = uuid4().hex
    signed = signing.sign(body, stage.secrets, now=stage.clock(), nonce=nonce)
    return {**signed, "content-type": "application/json"}, body


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise No(4000, "pn and ps count from 1")
    return int(text)


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError) as error:
        raise No(4000, str(error)) from None


def _ok(value: object) -> Response:
    return as_json({"code": 0, "message": "0", "ttl": 1, "data": value})


def _refuse(code: int, message: str) -> Response:
    return as_json({"code": code, "message": message, "ttl": 1})
