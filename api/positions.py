"""Position tokens: an opaque vector of how far a reader must have come."""

import base64
import binascii
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from api.parts import Vector


class NotAToken(ValueError):
    """Not something this installation ever answered."""


class Token(Struct, frozen=True, array_like=True):
    """`vector` holds (topic, partition, last offset); `issued` is in seconds."""

    issued: int
    vector: tuple[tuple[str, int, int], ...]

    @property
    def places(self) -> Vector:
        return {(topic, partition): last for topic, partition, last in self.vector}

    @property
    def issued_at(self) -> datetime:
        return datetime.fromtimestamp(self.issued, UTC)


_DECODER = msgspec.json.Decoder(Token)


def encode(vector: Vector, now: datetime) -> str:
    token = Token(
        int(now.timestamp()),
        tuple((*place, last) for place, last in sorted(vector.items())),
    )
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def decode(text: str) -> Token:
    """Raises NotAToken."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        token = _DECODER.decode(raw)
        token.issued_at  # noqa: B018  a time no calendar has is refused here
    except (
        binascii.Error,
        msgspec.DecodeError,
        OverflowError,
        ValueError,
        OSError,
    ) as wrong:
        raise NotAToken(text[:40]) from wrong
    return token


def merged(first: Vector, second: Vector) -> Vector:
    """The later of both, place by place."""
    return {
        place: max(first.get(place, -1), second.get(place, -1))
        for place in first.keys() | second.keys()
    }
