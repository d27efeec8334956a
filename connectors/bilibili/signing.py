"""Bilibili's signature 2.0, made for requests and checked on deliveries.

Six `x-bili-*` headers, in alphabetical order and one per line without a last line
feed, are signed with HMAC-SHA256 under the application's secret. The body takes part
through its MD5; for multipart that is the MD5 of nothing. Address, method and access
token are not signed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from connectors.base import AppSecrets
from connectors.bilibili.routes import CLOCK_WINDOW
from connectors.errors import SignatureRefused

METHOD = "HMAC-SHA256"
VERSION = "2.0"
SIGNED = (
    "x-bili-accesskeyid",
    "x-bili-content-md5",
    "x-bili-signature-method",
    "x-bili-signature-nonce",
    "x-bili-signature-version",
    "x-bili-timestamp",
)


def content_md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def signature(headers: Mapping[str, str], secret: str) -> str:
    text = "\n".join(f"{name}:{headers[name]}" for name in SIGNED)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def sign(
    body: bytes, secrets: AppSecrets, *, now: datetime, nonce: str
) -> dict[str, str]:
    """The seven headers for exactly these bytes."""
    headers = {
        "x-bili-accesskeyid": secrets.client_id,
        "x-bili-content-md5": content_md5(body),
        "x-bili-signature-method": METHOD,
        "x-bili-signature-nonce": nonce,
        "x-bili-signature-version": VERSION,
        "x-bili-timestamp": str(int(now.timestamp())),
    }
    return {**headers, "authorization": signature(headers, secrets.client_secret)}


def verify(
    headers: Mapping[str, str], body: bytes, secrets: AppSecrets, now: datetime
) -> None:
    """Check a signed message over its raw bytes; raises SignatureRefused.

    The nonce is not remembered here: the body is signed, so a replay is the same
    delivery again and falls to whoever drops repeats by `message_id`.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    for name in (*SIGNED, "authorization"):
        if not sent.get(name):
            raise SignatureRefused(name, "send this header")
    _fixed(sent, "x-bili-signature-method", METHOD)
    _fixed(sent, "x-bili-signature-version", VERSION)
    _fixed(sent, "x-bili-accesskeyid", secrets.client_id)
    _fixed(sent, "x-bili-content-md5", content_md5(body))
    _in_time(sent["x-bili-timestamp"], now)
    if not _same(sent["authorization"], signature(sent, secrets.client_secret)):
        raise SignatureRefused("authorization", "sign with this application's secret")


def _fixed(sent: Mapping[str, str], name: str, expected: str) -> None:
    if not _same(sent[name], expected):
        raise SignatureRefused(name, "the value does not belong to this message")


def _in_time(text: str, now: datetime) -> None:
    # isdigit alone lets in digits of other scripts, and int() any length of them
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 13 else 0
    if abs(now.timestamp() - seconds) > CLOCK_WINDOW.total_seconds():
        raise SignatureRefused("x-bili-timestamp", "send within ten minutes of now")


def _same(one: str, other: str) -> bool:
    # latin-1 fails on what no header can hold; surrogateescape keeps it comparable
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8")
    )
