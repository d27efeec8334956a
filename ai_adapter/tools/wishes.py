"""A wish out of a JSON document, or the field that is wrong with it."""

import re
from collections.abc import Mapping

import msgspec

from ai_adapter.tools.tool import AnyTool, Wish

_PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_FIELD = re.compile(r"(?:missing required|unknown) field `(?P<name>[^`]+)`")


class BadWish(ValueError):
    """One field does not fit; `pointer` is its JSON pointer."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer = pointer
        self.reason = reason


def wished(tool: AnyTool, document: Mapping[str, object]) -> Wish:
    """Raises BadWish; unknown fields are refused, never ignored."""
    try:
        found: Wish = msgspec.convert(dict(document), tool.wish)
    except msgspec.ValidationError as wrong:
        raise BadWish(*_told(str(wrong))) from wrong
    return found


def from_row(tool: AnyTool, row: Mapping[str, str]) -> Wish:
    """The same from texts of a sheet: numbers are read, lists are split at `|`.

    Empty cells count as left out.
    """
    lists = {
        field.encode_name
        for field in msgspec.structs.fields(tool.wish)
        if isinstance(field.default, tuple)
    }
    document: dict[str, object] = {
        name: text.split("|") if name in lists else text
        for name, text in row.items()
        if text.strip()
    }
    try:
        found: Wish = msgspec.convert(document, tool.wish, strict=False)
    except msgspec.ValidationError as wrong:
        raise BadWish(*_told(str(wrong))) from wrong
    return found


def needed(tool: AnyTool) -> dict[str, bool]:
    """Every field of a wish, and whether it has to be given."""
    return {
        field.encode_name: field.required for field in msgspec.structs.fields(tool.wish)
    }


def _told(message: str) -> tuple[str, str]:
    place = _PLACE.search(message)
    steps = _STEP.findall(place["path"]) if place else []
    pointer = "".join(f"/{name or index}" for name, index in steps)
    reason = message[: place.start()] if place else message
    field = _FIELD.search(reason)
    return (f"{pointer}/{field['name']}" if field else pointer), f"{reason}."
