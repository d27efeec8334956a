"""Bilibili: put one finished video online for a signed-in creator."""

import asyncio
import mimetypes
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

from connectors.base import (
    Account,
    AppSecrets,
    Post,
    Prepared,
    Review,
    Stats,
    Submitted,
)
from connectors.bilibili import wire
from connectors.bilibili.routes import (
    COVER_BYTES_MAX,
    LIST_PAGE,
    PART_BYTES,
    VIDEO_BYTES_MAX,
    Routes,
)
from connectors.bilibili.signing import sign
from connectors.calls import PART_LIMIT, Call, Calls, multipart
from connectors.errors import RATE_PAUSE, Reauthorise, Refused, TryLater
from schemas.clock import Clock

PAGES_MAX = 100
JSON = "application/json"

T = TypeVar("T")


class Bilibili:
    name = "bilibili"
    mode: Literal["direct"] = "direct"
    conclusive = True

    def __init__(
        self,
        secrets: AppSecrets,
        routes: Routes,
        clock: Clock,
        nonce: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._secrets = secrets
        self._routes = routes
        self._clock = clock
        self._nonce = nonce
        self._calls = Calls(wire.judge)

    async def prepare(self, post: Post, account: Account) -> Prepared:
        """Upload video and cover; repeatable, each time under a new upload token."""
        routes = self._routes
        await asyncio.to_thread(_check, post)
        category = await self._calls.again(
            lambda: self._signed(account, "GET", routes.categories),
            lambda listed: wire.category(listed, post.category),
        )
        begin = wire.begin_upload(post.video.name)
        token = await self._calls.again(
            lambda: self._signed(account, "POST", routes.init, body=begin),
            wire.upload_token,
        )
        await self._parts(post.video, token)
        query = {"upload_token": token}
        await self._calls.again(
            lambda: self._signed(account, "POST", routes.complete, query), bytes
        )
        return Prepared(token, await self._cover(post, account), category)

    async def publish(
        self, post: Post, prepared: Prepared, account: Account
    ) -> Submitted:
        """Not repeatable: the platform offers no idempotency key.

        Raises OutcomeUnknown when the answer was lost; settle it with `look_up`.
        """
        body = wire.submission(post, prepared)
        query = {"upload_token": prepared.token}
        call = self._signed(account, "POST", self._routes.submit, query, body)
        return await self._calls.once(
            call, lambda reply: wire.submitted(reply, self._routes.public)
        )

    async def look_up(
        self, post: Post, account: Account, since: datetime
    ) -> Submitted | None:
        """Read-only search for an earlier `publish` whose outcome is unknown.

        Newest first, page by page, until the items are older than `since`, which the
        caller puts early enough for two clocks that differ.
        """
        for page in range(1, PAGES_MAX + 1):
            query = {"pn": str(page), "ps": str(LIST_PAGE), "status": "all"}
            listed = await self._get(account, self._routes.recent, query, wire.archives)
            found = wire.find(listed, post, since, self._routes.public)
            if found or len(listed) < LIST_PAGE:
                return found
            if all(item.ctime < int(since.timestamp()) for item in listed):
                return None
        # saying "not there" without having seen the end would risk a second item
        raise TryLater(RATE_PAUSE, "", "the list of items does not end")

    async def review(self, item_id: str, account: Account) -> Review:
        return await self._get(
            account,
            self._routes.view,
            {"resource_id": item_id},
            lambda reply: wire.review(reply, self._routes.public),
        )

    async def stats(self, item_id: str, account: Account) -> Stats:
        query = {"resource_id": item_id}
        return await self._get(account, self._routes.stats, query, wire.stats)

    async def close(self) -> None:
        await self._calls.close()

    async def _parts(self, video: Path, token: str) -> None:
        """One part in memory at a time."""
        parts = _read_parts(video)
        number = 0
        while part := await asyncio.to_thread(next, parts, b""):
            number += 1
            query = {"upload_token": token, "part_number": str(number)}
            await self._calls.again(partial(self._part, query, part), bytes)

    def _part(self, query: Mapping[str, str], part: bytes) -> Call:
        """The upload host knows the token alone: no signature, no account."""
        return Call(
            "POST",
            f"{self._routes.upload}{self._routes.part}?{urlencode(query)}",
            {"content-type": "application/octet-stream"},
            part,
            (query["upload_token"],),
            PART_LIMIT,
        )

    async def _cover(self, post: Post, account: Account) -> str:
        if post.cover is None:
            return ""
        content = await asyncio.to_thread(post.cover.read_bytes)
        kind, body = multipart("file", f"cover{post.cover.suffix}", content)

        def make() -> Call:
            # only the part of the body outside the file is signed: nothing
            signed = self._signed(account, "POST", self._routes.cover)
            headers = {**signed.headers, "content-type": kind}
            return Call("POST", signed.url, headers, body, signed.hidden, PART_LIMIT)

        return await self._calls.again(make, wire.cover_url)

    async def _get(
        self,
        account: Account,
        path: str,
        query: Mapping[str, str],
        read: Callable[[bytes], T],
    ) -> T:
        return await self._calls.again(
            lambda: self._signed(account, "GET", path, query), read
        )

    def _signed(
        self,
        account: Account,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Call:
        token = account.credential.get("access_token", "")
        if not token:
            raise Reauthorise("access_token", "this account has no access token")
        signed = sign(body, self._secrets, now=self._clock(), nonce=self._nonce())
        headers = {"accept": JSON, "content-type": JSON, "access-token": token}
        address = f"{self._routes.base}{path}"
        if query:
            address += f"?{urlencode(query)}"
        hidden = (*account.credential.values(), self._secrets.client_secret)
        return Call(method, address, {**headers, **signed}, body, hidden)


def _check(post: Post) -> None:
    if not 0 < post.video.stat().st_size <= VIDEO_BYTES_MAX:
        raise Refused("video", "the video must have 1 byte to 4 GiB")
    if post.cover is None:
        return
    kind, _ = mimetypes.guess_type(post.cover.name)
    if kind not in {"image/jpeg", "image/png"}:
        raise Refused("cover", "the cover must be a JPEG or PNG file")
    if not 0 < post.cover.stat().st_size <= COVER_BYTES_MAX:
        raise Refused("cover", "the cover must have 1 byte to 5 MiB")


def _read_parts(video: Path) -> Iterator[bytes]:
    with video.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part
