"""The guarded client against real servers on loopback."""

import asyncio
import datetime as dt
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from media_agents.errors import FetchRefused, TryLater
from media_agents.fetch import FetchLimits, Guard, fetch

BODY = b"frames" * 1000
LOCAL = Guard(allow_loopback=True)
NAME = "media.example"
Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    answer: Answer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    async def on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            writer.close()

    server = await asyncio.start_server(on, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(status: str, body: bytes = b"", *headers: str) -> Answer:
    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
        if not any(h.lower().startswith("content-length") for h in headers):
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return answer


def to_loopback(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return resolve


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    pem.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=public.decode())
    return server, client


async def test_a_file_is_streamed_to_disk_with_its_hash(tmp_path):
    answer = saying("200 OK", BODY, "Content-Type: video/mp4; x=y")
    async with serving(answer) as port:
        got = await fetch(f"http://127.0.0.1:{port}/a", tmp_path / "got", guard=LOCAL)
    assert got.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (got.size, got.content_type) == (len(BODY), "video/mp4")
    assert (tmp_path / "got").read_bytes() == BODY


async def test_it_connects_to_the_checked_address_under_the_given_name(tmp_path):
    server, client = certificate(tmp_path)
    requests: list[bytes] = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(request)
        await saying("200 OK", BODY)(request, writer)

    guard = Guard(allow_loopback=True, tls=client, resolve=to_loopback("127.0.0.1"))
    async with serving(answer, server) as port:
        await fetch(f"https://{NAME}:{port}/a", tmp_path / "got", guard=guard)
        wrong = f"https://other.example:{port}/a"
        with pytest.raises(TryLater):
            await fetch(wrong, tmp_path / "no", guard=guard)
    assert f"host: {NAME}:{port}".encode() in requests[0].lower()
    assert len(requests) == 1


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "10.0.0.8"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
    ],
)
async def test_names_that_lead_inside_are_refused(tmp_path, found):
    guard = Guard(resolve=to_loopback(*found))
    with pytest.raises(FetchRefused) as refused:
        await fetch(f"https://{NAME}/a", tmp_path / "got", guard=guard)
    assert refused.value.code == "private_address"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433"])
async def test_local_hosts_are_refused_without_the_flag(tmp_path, host):
    with pytest.raises((FetchRefused, TryLater)) as refused:
        await fetch(f"https://{host}/a", tmp_path / "got")
    assert refused.value.code in {"private_address", "name_not_found"}


async def test_the_loopback_flag_opens_loopback_only(tmp_path):
    guard = Guard(allow_loopback=True, resolve=to_loopback("10.0.0.8"))
    with pytest.raises(FetchRefused):
        await fetch(f"http://{NAME}/a", tmp_path / "got", guard=guard)


@pytest.mark.parametrize(
    ("status", "headers", "reaction", "code"),
    [
        ("302 Found", ["Location: http://127.0.0.1/x"], FetchRefused, "redirect"),
        ("404 Not Found", [], FetchRefused, "not_found"),
        ("200 OK", ["Content-Encoding: gzip"], FetchRefused, "compressed"),
        ("200 OK", ["Content-Length: 9000"], FetchRefused, "too_large"),
        ("503 Busy", [], TryLater, "not_reachable"),
    ],
)
async def test_answers_that_are_no_file(tmp_path, status, headers, reaction, code):
    path = tmp_path / "got"
    async with serving(saying(status, b"x", *headers)) as port:
        with pytest.raises(reaction) as answered:
            await fetch(
                f"http://127.0.0.1:{port}/a",
                path,
                limits=FetchLimits(max_bytes=8000),
                guard=LOCAL,
            )
    assert answered.value.code == code
    assert not path.exists()


async def test_a_body_longer_than_announced_limits_is_cut_off(tmp_path):
    async def flood(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(flood) as port:
        with pytest.raises(FetchRefused) as refused:
            await fetch(
                f"http://127.0.0.1:{port}/a",
                tmp_path / "got",
                limits=FetchLimits(max_bytes=1 << 20),
                guard=LOCAL,
            )
    assert refused.value.code == "too_large"
    assert not (tmp_path / "got").exists()


async def test_a_body_that_ends_early_is_fetched_again_later(tmp_path):
    answer = saying("200 OK", BODY, f"Content-Length: {len(BODY) + 1}")
    async with serving(answer) as port:
        with pytest.raises(TryLater):
            await fetch(f"http://127.0.0.1:{port}/a", tmp_path / "got", guard=LOCAL)
    assert not (tmp_path / "got").exists()


async def test_a_server_that_never_ends_is_given_up(tmp_path):
    gone = asyncio.Event()

    async def hang(_request: bytes, _writer: asyncio.StreamWriter) -> None:
        await gone.wait()

    async with serving(hang) as port:
        with pytest.raises(FetchRefused) as refused:
            await fetch(
                f"http://127.0.0.1:{port}/a",
                tmp_path / "got",
                limits=FetchLimits(seconds=0.3),
                guard=LOCAL,
            )
        gone.set()
    assert refused.value.code == "too_slow"
