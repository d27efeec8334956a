"""Reads a timeline document: strictly, and with every unknown field by its pointer.

The log reads the same structs forgivingly, so that a newer build may add a field; a
person who misspells one is told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

import msgspec
from msgspec import Struct

from media_agents.composing.problems import Problem
from schemas.timeline import VERSION, Corner, Fit, Span, Timeline, TransitionKind

MOST_BYTES = 100_000
_AT = re.compile(r"^(?P<what>.*) - at `(?P<path>\$.*)`$")
# What a field takes that knows only some words; by the end of its pointer.
_CHOICES = {
    "/transition/kind": TransitionKind,
    "/fit": Fit,
    "/corner": Corner,
    "/span": Span,
}
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")


class NotATimeline(Exception):
    """The document cannot be read: show `problems` and have it corrected."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(each.detail for each in problems))
        self.problems = tuple(problems)


def read(given: object) -> Timeline:
    """Of parsed JSON; raises NotATimeline."""
    _check_version(given)
    _check_size(given)
    try:
        found = msgspec.convert(given, Timeline)
    except msgspec.ValidationError as wrong:
        raise NotATimeline([_wrong_type(str(wrong))]) from wrong
    if unknown := list(_unknown(given, found, "")):
        raise NotATimeline(unknown)
    return found


def parse(text: bytes) -> Timeline:
    """Of a file; raises NotATimeline."""
    try:
        return read(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        detail = f"this is not JSON: {wrong}"
        problem = Problem("", "not_json", detail, "Send one JSON object.")
        raise NotATimeline([problem]) from wrong


def schema() -> dict[str, object]:
    """JSON Schema 2020-12 of what `read` takes: no unknown field anywhere."""
    found = msgspec.json.schema(Timeline)
    parts = found["$defs"]
    for part in parts.values():
        if "properties" in part:
            part["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"contentops:timeline:{VERSION}",
        **found,
    }


def _check_version(given: object) -> None:
    told = given.get("version", VERSION) if isinstance(given, Mapping) else VERSION
    if told != VERSION or isinstance(told, bool):
        detail = f"there is no version {str(told)[:20]} of the document"
        remedy = f"Write version {VERSION}."
        raise NotATimeline([Problem("/version", "bad_version", detail, remedy)])


def _check_size(given: object) -> None:
    size = len(msgspec.json.encode(given))
    if size > MOST_BYTES:
        detail = f"the document has {size} bytes"
        remedy = f"Keep it below {MOST_BYTES} bytes: make two films of it."
        raise NotATimeline([Problem("", "too_large", detail, remedy)])


def _wrong_type(message: str) -> Problem:
    found = _AT.match(message)
    what, path = (found["what"], found["path"]) if found else (message, "$")
    pointer = "".join(f"/{_step(each)}" for each in _STEP.finditer(path))
    for end, choices in _CHOICES.items():
        if pointer.endswith(end):
            remedy = f"Use one of: {', '.join(get_args(choices))}."
            return Problem(pointer, f"unknown_{_word(end)}", what, remedy)
    remedy = "Correct the field; the schema is at /api/v1/timelines/schema."
    return Problem(pointer, "bad_field", what, remedy)


def _word(end: str) -> str:
    return end.split("/")[1]


def _step(found: re.Match[str]) -> str:
    return found[1] or found[2] or "*"


def _unknown(given: object, read_as: object, pointer: str) -> Iterator[Problem]:
    """What was sent and is nowhere in what was read."""
    if isinstance(given, list) and isinstance(read_as, tuple):
        for place, (one, kept) in enumerate(zip(given, read_as, strict=True)):
            yield from _unknown(one, kept, f"{pointer}/{place}")
    if not isinstance(given, dict):
        return
    known = _fields(read_as)
    for name, value in given.items():
        if name in known:
            yield from _unknown(value, known[name], f"{pointer}/{escaped(name)}")
        else:
            where = f"{pointer}/{escaped(str(name))}"
            detail = f"there is no field {str(name)[:60]!r} here"
            remedy = f"Leave it out, or use one of: {', '.join(known)}."
            yield Problem(where, "unknown_field", detail, remedy)


def _fields(read_as: object) -> dict[str, object]:
    if isinstance(read_as, dict):
        return read_as
    if not isinstance(read_as, Struct):
        return {}
    config = type(read_as).__struct_config__
    tag = {config.tag_field: config.tag} if config.tag_field else {}
    names = zip(
        type(read_as).__struct_encode_fields__,
        type(read_as).__struct_fields__,
        strict=True,
    )
    return {**tag, **{wire: getattr(read_as, field) for wire, field in names}}


def escaped(name: str) -> str:
    """One step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
