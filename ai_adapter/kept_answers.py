"""Answers as bytes: each field by its own type, because vectors and texts differ."""

import msgspec
from msgspec.structs import fields

from ai_adapter.base import Answer, Output


def packed(answer: Answer) -> bytes:
    return msgspec.msgpack.encode(answer)


def unpacked(body: bytes) -> Answer | None:
    """None for what another release has written in another shape."""
    try:
        found = msgspec.msgpack.decode(body, type=dict[str, object])
        given = {
            each.name: msgspec.convert(found[each.name], each.type)
            for each in fields(Answer)
            if each.name in found and each.name != "output"
        }
        return Answer(output=_output(found.get("output")), **given)
    except (msgspec.MsgspecError, TypeError):
        return None


def _output(found: object) -> Output:
    if isinstance(found, str):
        return found
    try:
        return msgspec.convert(found, tuple[str, ...])
    except msgspec.ValidationError:
        return msgspec.convert(found, tuple[tuple[float, ...], ...])


def size_of(answer: Answer) -> int:
    """About how many bytes it takes."""
    return len(packed(answer))
