"""The guarded client: the only way to fetch an address a user gave us.

The name is resolved once, every address it has must be public, and the connection
goes to the address that was checked, under the original name. Redirects, proxies
and compressed bodies are not followed, used or unpacked.
"""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import httpx

from media_agents.errors import FetchRefused, TryLater

IpAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = IPv6Network("64:ff9b::/96")
_REMEDY = "Give an https address of a file on a public server."


@dataclass(frozen=True, slots=True)
class FetchLimits:
    max_bytes: int = 4 << 30
    seconds: float = 900.0
    connect_seconds: float = 10.0
    idle_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Guard:
    """`allow_loopback` (tests and sandboxes only) adds http, ports and 127/8, ::1."""

    allow_loopback: bool = False
    tls: ssl.SSLContext | None = None
    resolve: Resolve | None = None


DEFAULT_LIMITS = FetchLimits()
DEFAULT_GUARD = Guard()


async def fetch(
    url: str,
    path: Path,
    *,
    limits: FetchLimits = DEFAULT_LIMITS,
    guard: Guard = DEFAULT_GUARD,
) -> Fetched:
    """Raises `FetchRefused` for good, `TryLater` when the other side is unwell."""
    target = check_url(url, allow_loopback=guard.allow_loopback)
    try:
        async with asyncio.timeout(limits.seconds):
            address = await _checked_address(target, guard)
            return await _stream(target, address, path, (limits, guard))
    except BaseException as error:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise _named(error, limits) from error


async def ask(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    limits: FetchLimits,
    guard: Guard = DEFAULT_GUARD,
) -> bytes:
    """The whole answer to one request, under the same guard; raises as `fetch` does."""
    target = check_url(url, allow_loopback=guard.allow_loopback)
    found = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            address = await _checked_address(target, guard)
            sent = (method, body, headers)
            async with _answer(target, address, (limits, guard), sent) as answer:
                async for block in answer.aiter_raw():
                    found += block
                    if len(found) > limits.max_bytes:
                        raise _too_large(limits)
    except (TimeoutError, httpx.HTTPError) as error:
        raise _named(error, limits) from error
    return bytes(found)


def _named(error: BaseException, limits: FetchLimits) -> BaseException:
    if isinstance(error, TimeoutError):
        return _refused("too_slow", f"not fetched within {limits.seconds:.0f} s")
    if isinstance(error, httpx.HTTPError):
        return TryLater("not_reachable", type(error).__name__)
    return error


def check_url(url: str, *, allow_loopback: bool = False) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise _refused("bad_url", "this is not an address") from error
    schemes = {"https", "http"} if allow_loopback else {"https"}
    if target.scheme not in schemes or not target.host:
        raise _refused("bad_scheme", "only https addresses are fetched")
    if target.userinfo:
        raise _refused("bad_url", "the address carries a user name")
    if not allow_loopback and target.port not in {None, 443}:
        raise _refused("bad_port", f"port {target.port} is not fetched")
    return target


def is_public(address: IpAddress) -> bool:
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    reserved = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not reserved and not address.is_link_local


def _embedded(address: IpAddress) -> IPv4Address | None:
    """An IPv4 address inside an IPv6 one leads to the same machine."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    # ::/96 holds the deprecated IPv4-compatible form; :: and ::1 stay themselves.
    low = int(address) & 0xFFFFFFFF
    if address in _NAT64 or (int(address) == low and low > 1):
        return IPv4Address(low)
    return None


async def _checked_address(target: httpx.URL, guard: Guard) -> IpAddress:
    port = target.port or (443 if target.scheme == "https" else 80)
    resolve = guard.resolve or _system_resolve
    try:
        found = await resolve(target.host, port)
        addresses = [ip_address(text.partition("%")[0]) for text in found]
    except (OSError, UnicodeError) as error:
        raise TryLater("name_not_found", f"{target.host} has no address") from error
    if not addresses:
        raise TryLater("name_not_found", f"{target.host} has no address")
    # All of them: a name with one inside address is an attack, not a mistake.
    for address in addresses:
        local = guard.allow_loopback and address.is_loopback
        if not (local or is_public(address)):
            raise _refused("private_address", "the address is not a public one")
    return addresses[0]


async def _system_resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _stream(
    target: httpx.URL,
    address: IpAddress,
    path: Path,
    bounds: tuple[FetchLimits, Guard],
) -> Fetched:
    async with _answer(target, address, bounds, ("GET", b"", {})) as answer:
        return await _save(answer, path, bounds[0])


@asynccontextmanager
async def _answer(
    target: httpx.URL,
    address: IpAddress,
    bounds: tuple[FetchLimits, Guard],
    sent: tuple[str, bytes, Mapping[str, str]],
) -> AsyncIterator[httpx.Response]:
    limits, guard = bounds
    method, body, headers = sent
    pause = httpx.Timeout(limits.idle_seconds, connect=limits.connect_seconds)
    async with httpx.AsyncClient(
        verify=guard.tls or ssl.create_default_context(),
        # A proxy would resolve the name again, to an address nobody checked.
        trust_env=False,
        follow_redirects=False,
        timeout=pause,
    ) as client:
        request = client.build_request(
            method,
            target.copy_with(host=str(address), fragment=None),
            content=body or None,
            headers={
                **headers,
                "Host": target.netloc.decode(),
                "Accept-Encoding": "identity",
            },
            extensions={"sni_hostname": target.host},
        )
        answer = await client.send(request, stream=True)
        try:
            _check_answer(answer, limits)
            yield answer
        finally:
            await answer.aclose()


def _check_answer(answer: httpx.Response, limits: FetchLimits) -> None:
    status = answer.status_code
    if status >= 500 or status == 429:
        raise TryLater("not_reachable", f"the server answered {status}")
    if 300 <= status < 400:
        raise _refused("redirect", "the address leads to another one")
    if status != 200:
        raise _refused("not_found", f"the server answered {status}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _refused("compressed", "the server sends the file compressed")
    declared = answer.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.max_bytes:
        raise _too_large(limits)


async def _save(answer: httpx.Response, path: Path, limits: FetchLimits) -> Fetched:
    digest = hashlib.sha256()
    size = 0
    with path.open("wb") as file:
        async for block in answer.aiter_raw():
            size += len(block)
            if size > limits.max_bytes:
                raise _too_large(limits)
            digest.update(block)
            file.write(block)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    return Fetched(size, digest.hexdigest(), kind)


def _too_large(limits: FetchLimits) -> FetchRefused:
    return _refused("too_large", f"the file is over {limits.max_bytes} bytes")


def _refused(code: str, reason: str) -> FetchRefused:
    return FetchRefused(code, reason, _REMEDY)
