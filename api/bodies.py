"""Raw bodies: how big they may be, what no text may hold, and their canonical form."""

import json
import re
from collections.abc import Iterator

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import invalid

BODY_MAX = 256 * 1024
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class TooMuch(HTTPException):
    """Raised while reading; FastAPI lets only its own kind of exception through."""

    def __init__(self) -> None:
        super().__init__(413, f"The body is bigger than {BODY_MAX} bytes.")


class Bounded:
    """Counts what arrives instead of believing Content-Length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_MAX:
                raise TooMuch
            return message

        await self._app(scope, counted, send)


def canonical(body: bytes) -> bytes:
    """Equal for equal documents; raises the 422 of a text no store can keep.

    A body that is not JSON stands for itself: its own reader refuses it.
    """
    try:
        found = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return body
    text = _ENCODER.encode(found)
    # ASCII alone: what cannot be stored shows as one of these, like much that can.
    if "\\u0000" in text or "\\ud" in text:
        _check(found)
    return text.encode()


def _check(found: object) -> None:
    for pointer, text in _texts(found, ""):
        if not storable(text):
            raise invalid(
                pointer,
                "The text holds a NUL character or half a surrogate pair.",
                "Remove the character.",
            )


def storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def _texts(found: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(found, str):
        yield pointer, found
    elif isinstance(found, dict):
        for name, value in found.items():
            yield pointer, name
            yield from _texts(value, f"{pointer}/{name}")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from _texts(value, f"{pointer}/{index}")
