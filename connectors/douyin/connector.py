"""Douyin: make the signed link with which a person publishes from the phone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

from connectors.base import Account, AppSecrets, HandOff, Post, Review, Stats
from connectors.calls import Call, Calls
from connectors.douyin import wire
from connectors.douyin.routes import (
    LINK_LIFE,
    TICKET_RESERVE,
    TOKEN_RESERVE,
    Routes,
)
from connectors.douyin.signing import share_signature
from connectors.errors import Misconfigured, Reauthorise, Refused
from schemas.clock import Clock

JSON = {"accept": "application/json", "content-type": "application/json"}
LOOPBACK = ("http://127.0.0.1:", "http://localhost:")

T = TypeVar("T")


@dataclass(slots=True)
class _Kept:
    """A value of the application that is fetched again shortly before it dies."""

    reserve: timedelta
    value: str = ""
    until: datetime | None = None

    def good(self, now: datetime) -> bool:
        return self.until is not None and now + self.reserve < self.until


class Douyin:
    """Keep one per process: more than 60 client tokens a minute ban the client key."""

    name = "douyin"
    mode: Literal["handoff"] = "handoff"
    conclusive = False

    def __init__(
        self,
        secrets: AppSecrets,
        routes: Routes,
        clock: Clock,
        nonce: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._secrets = secrets
        self._routes = routes
        self._clock = clock
        self._nonce = nonce
        self._calls = Calls(wire.judge)
        self._lock = asyncio.Lock()
        self._token = _Kept(TOKEN_RESERVE)
        self._ticket = _Kept(TICKET_RESERVE)

    async def hand_off(self, post: Post, account: Account) -> HandOff:
        """Repeatable: every link has a share id of its own and publishes nothing.

        The account confirms on the phone; its token takes no part in the link.
        """
        del account
        if not post.video_url.startswith(("https://", *LOOPBACK)):
            raise Refused("video_url", "the phone needs an https address of the video")
        async with self._lock:
            ticket = await self._current_ticket()
            share_id = await self._as_app(self._share_id)
        now = self._clock()
        timestamp, nonce = str(int(now.timestamp())), self._nonce()
        signed = {
            "client_key": self._secrets.client_id,
            "nonce_str": nonce,
            "timestamp": timestamp,
            "signature": share_signature(nonce, ticket, timestamp),
            "state": share_id,
        }
        link = wire.share_link(self._routes.schema, post, signed)
        return HandOff(link, share_id, now + LINK_LIFE)

    async def review(self, item_id: str, account: Account) -> Review:
        return await self._video(
            item_id, account, lambda body: wire.review(body, item_id)
        )

    async def stats(self, item_id: str, account: Account) -> Stats:
        return await self._video(
            item_id, account, lambda body: wire.stats(body, item_id)
        )

    async def close(self) -> None:
        await self._calls.close()

    async def _video(
        self, item_id: str, account: Account, read: Callable[[bytes], T]
    ) -> T:
        token = account.credential.get("access_token", "")
        if not token:
            raise Reauthorise("access_token", "this account has no access token")
        query = urlencode({"open_id": account.open_id})
        call = Call(
            "POST",
            f"{self._routes.base}{self._routes.video_data}?{query}",
            {**JSON, "access-token": token},
            wire.items(item_id),
            tuple(account.credential.values()),
        )
        return await self._calls.again(lambda: call, read)

    async def _as_app(self, ask: Callable[[str], Awaitable[T]]) -> T:
        """Only the newest two client tokens live: another process may end ours."""
        try:
            return await ask(await self._client_token())
        except Reauthorise:
            self._token.until = None
        try:
            return await ask(await self._client_token())
        except Reauthorise as again:
            raise Misconfigured(again.code, again.reason) from None

    async def _client_token(self) -> str:
        if not self._token.good(self._clock()):
            call = Call(
                "POST",
                f"{self._routes.base}{self._routes.client_token}",
                JSON,
                wire.client_credential(self._secrets),
                (self._secrets.client_secret,),
            )
            given = await self._calls.again(lambda: call, wire.client_token)
            self._keep(self._token, given)
        return self._token.value

    async def _current_ticket(self) -> str:
        if not self._ticket.good(self._clock()):
            self._keep(self._ticket, await self._as_app(self._fetch_ticket))
        return self._ticket.value

    def _keep(self, place: _Kept, given: tuple[str, int]) -> None:
        place.value, seconds = given
        place.until = self._clock() + timedelta(seconds=seconds)

    async def _fetch_ticket(self, token: str) -> tuple[str, int]:
        return await self._app_get(self._routes.ticket, token, wire.ticket)

    async def _share_id(self, token: str) -> str:
        path = f"{self._routes.share_id}?need_callback=true"
        return await self._app_get(path, token, wire.share_id)

    async def _app_get(self, path: str, token: str, read: Callable[[bytes], T]) -> T:
        call = Call(
            "GET",
            f"{self._routes.base}{path}",
            {**JSON, "access-token": token},
            hidden=(token, self._secrets.client_secret),
        )
        return await self._calls.again(lambda: call, read)
