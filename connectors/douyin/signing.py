"""Douyin's two signatures: the MD5 of a share link, the SHA-1 of a delivery.

Both are plain hashes with the secret in front or inside, as documented; neither is an
HMAC, and a delivery carries no time, so repeats are caught by message id alone.
"""

import hashlib
import hmac
from collections.abc import Mapping

from connectors.base import AppSecrets
from connectors.errors import SignatureRefused

HEADER = "x-douyin-signature"


def share_signature(nonce: str, ticket: str, timestamp: str) -> str:
    text = f"nonce_str={nonce}&ticket={ticket}&timestamp={timestamp}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def delivery_signature(body: bytes, secret: str) -> str:
    return hashlib.sha1(secret.encode() + body, usedforsecurity=False).hexdigest()


def verify(headers: Mapping[str, str], body: bytes, secrets: AppSecrets) -> None:
    """Check a delivery over its raw bytes; raises SignatureRefused."""
    sent = {name.lower(): value for name, value in headers.items()}
    given = sent.get(HEADER, "")
    if not given:
        raise SignatureRefused(HEADER, "send this header")
    expected = delivery_signature(body, secrets.client_secret)
    if not hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode()
    ):
        raise SignatureRefused(HEADER, "sign with this application's secret")
