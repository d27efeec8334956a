"""Links to one video that carry their own permission and their own end."""

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from api.problems import Fault, Problem

if TYPE_CHECKING:
    from api.parts import Parts

_MAC_BYTES = 16


class Link(Struct, frozen=True, array_like=True):
    """Who may see what until when (seconds since 1970)."""

    tenant: str
    video_id: str
    until: int

    @classmethod
    def lasting(cls, parts: "Parts", tenant: str, video_id: str) -> "Link":
        until = int(parts.clock().timestamp()) + parts.edge.link_s
        return cls(tenant, video_id, until)


_DECODER = msgspec.json.Decoder(Link)


def sign(key: bytes, link: Link) -> str:
    body = msgspec.json.encode(link)
    return base64.urlsafe_b64encode(_mac(key, body) + body).decode().rstrip("=")


def verify(key: bytes, token: str, now: int) -> Link:
    """Raises Problem 403 for a link that was changed or has ended."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as wrong:
        raise _refused("was changed") from wrong
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, body)):
        raise _refused("was changed")
    link = _DECODER.decode(body)
    if link.until < now:
        raise _refused("has expired")
    return link


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"link\0" + body, hashlib.sha256)[:_MAC_BYTES]


def _refused(why: str) -> Problem:
    detail = f"This link {why}."
    fault = Fault("/path/token", detail, "Read the video again for a fresh link.")
    return Problem(403, detail, fault, code="link")
