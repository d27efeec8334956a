"""HTTP to a platform: `once` for what must not happen twice, `again` for the rest.

A request is built as bytes first, signed over those bytes and sent as they are.
What a lost answer means is decided here and nowhere else:

    failure                      once              again
    no connection                TryLater          repeated, then TryLater
    answer lost or unreadable    OutcomeUnknown    repeated, then TryLater
    HTTP 5xx, "busy" code        OutcomeUnknown    repeated, then TryLater
    any other code               by the platform's code table, in both
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias, TypeVar

import httpx
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from connectors.errors import (
    BUSY_PAUSE,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    Reaction,
    TryLater,
    Unreadable,
    error_for,
    reaction_to_status,
)

T = TypeVar("T")

REQUEST_LIMIT = timedelta(seconds=10)
PART_LIMIT = timedelta(seconds=120)
CONNECT_SECONDS = 5.0
ANSWER_BYTES_MAX = 1 << 20
ATTEMPTS = 3

# anyio asks a socket that was closed meanwhile for its peer, and there is none.
BROKEN = (httpx.HTTPError, AttributeError)
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to send; `hidden` are strings no error may show."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)
    limit: timedelta = REQUEST_LIMIT


@dataclass(frozen=True, slots=True)
class Verdict:
    """The platform said no, in its own words, classed by its code table."""

    reaction: Reaction
    code: str
    reason: str


Judge: TypeAlias = Callable[[bytes], Verdict | None]
"""Read the envelope of an answer: None is success, Unreadable is not an envelope."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


class _Lost(Exception):
    """The request left, the answer did not come or cannot be used."""


class Calls:
    """The connections of one connector. HTTP 200 proves nothing: `judge` decides."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        tls = httpx.create_ssl_context(trust_env=False)
        self._kept = _client(tls, keep=4)
        # A kept connection the platform just closed looks like a lost answer;
        # what must not be repeated always gets a fresh one.
        self._fresh = _client(tls, keep=0)

    async def once(self, call: Call, read: Callable[[bytes], T]) -> T:
        """Send exactly one request; a lost answer is OutcomeUnknown."""
        try:
            answer = await _send(self._fresh, call)
            verdict = self._verdict(answer)
            if verdict is None:
                return _understood(answer, read)
        except _Lost as lost:
            raise OutcomeUnknown("", str(lost)) from None
        if answer.status >= 500 or verdict.reaction is Reaction.busy:
            raise OutcomeUnknown(verdict.code, verdict.reason).without(call.hidden)
        raise _error(verdict, call)

    async def again(self, make: Callable[[], Call], read: Callable[[bytes], T]) -> T:
        """Send a repeatable request; `make` signs every attempt anew."""
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            retry=retry_if_exception(_soon),
            reraise=True,
        ):
            with attempt:
                return await self._attempt(make(), read)
        raise AssertionError  # tenacity raises or returns above

    async def close(self) -> None:
        await self._kept.aclose()
        await self._fresh.aclose()

    async def _attempt(self, call: Call, read: Callable[[bytes], T]) -> T:
        try:
            answer = await _send(self._kept, call)
            verdict = self._verdict(answer)
            if verdict is None:
                return _understood(answer, read)
        except _Lost as lost:
            raise TryLater(BUSY_PAUSE, "", str(lost)) from None
        raise _error(verdict, call)

    def _verdict(self, answer: _Answer) -> Verdict | None:
        try:
            verdict = self._judge(answer.body)
        except Unreadable:
            if answer.status < 400:
                reason = f"unreadable answer with status {answer.status}"
                raise _Lost(reason) from None
            verdict = None
        if verdict is None and answer.status >= 300:
            status = answer.status
            return Verdict(reaction_to_status(status), str(status), "HTTP status")
        return verdict


def multipart(field_name: str, filename: str, content: bytes) -> tuple[str, bytes]:
    """One file as multipart/form-data: (content type, body)."""
    boundary = hashlib.sha256(content).hexdigest()
    suffix = "png" if content.startswith(b"\x89PNG") else "jpeg"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{field_name}"; '
        f'filename="{filename}"\r\n'
        f"Content-Type: image/{suffix}\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body


def _client(tls: ssl.SSLContext, *, keep: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=tls,
        trust_env=False,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=keep),
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
    )


async def _send(client: httpx.AsyncClient, call: Call) -> _Answer:
    """Every failure becomes one of ours, without the address: it may hold a token."""
    try:
        async with asyncio.timeout(call.limit.total_seconds()):
            return await _exchange(client, call)
    except _NOTHING_SENT:
        raise TryLater(BUSY_PAUSE, "", "no connection to the platform") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Misconfigured("", "the platform's address is not a web address") from None
    except TimeoutError:
        raise _Lost("no answer within the limit") from None
    except BROKEN as error:
        raise _Lost(f"the answer was lost ({type(error).__name__})") from None


async def _exchange(client: httpx.AsyncClient, call: Call) -> _Answer:
    headers = {"accept-encoding": "identity", **call.headers}
    body = bytearray()
    async with client.stream(
        call.method, call.url, headers=headers, content=call.body
    ) as reply:
        async for chunk in reply.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise _Lost("the answer is too big")
        return _Answer(reply.status_code, bytes(body))


def _understood(answer: _Answer, read: Callable[[bytes], T]) -> T:
    """A yes without what it should carry is as good as no answer."""
    try:
        return read(answer.body)
    except Unreadable as shape:
        raise _Lost(f"the answer lacks {shape.field}") from None


def _error(verdict: Verdict, call: Call) -> ConnectorError:
    error = error_for(verdict.reaction, verdict.code, verdict.reason)
    return error.without(call.hidden)


def _soon(error: BaseException) -> bool:
    return isinstance(error, TryLater) and error.after <= BUSY_PAUSE
