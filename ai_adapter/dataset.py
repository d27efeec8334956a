"""Accepted copies as a data set: JSON lines without personal data, with a version."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct, structs

from ai_adapter.distance import distance

FORMAT = 1
"""Raised with every change of a line that a reader could stumble on."""


class Accepted(Struct, frozen=True, kw_only=True):
    """One line: what was asked, what a model offered, what a person accepted.

    `changed` is the share a person changed (0..1).
    """

    id: str
    at: datetime
    task: str
    platform: str
    lang: str
    brief: str
    offered: tuple[str, ...]
    variant: int
    accepted: str
    model: str
    prompt: str
    arm: str
    changed: float = 0.0


class Head(Struct, frozen=True, kw_only=True):
    """The first line; `sha256` is of all lines below it, and so names this version."""

    dataset: str
    format: int
    rows: int
    sha256: str


def written(found: Iterable[Accepted], redact: Callable[[str], str]) -> bytes:
    """The same rows give the same bytes; ordered by time, then by id."""
    rows = sorted(found, key=lambda each: (each.at, each.id))
    body = b"".join(_line(_safe(each, redact)) for each in rows)
    head = Head(
        dataset="accepted-copies",
        format=FORMAT,
        rows=len(rows),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    return _line(head) + body


def _safe(row: Accepted, redact: Callable[[str], str]) -> Accepted:
    """What was changed is counted before: redaction is nobody's edit."""
    return structs.replace(
        row,
        brief=redact(row.brief),
        offered=tuple(redact(each) for each in row.offered),
        accepted=redact(row.accepted),
        changed=round(_changed(row.offered, row.variant, row.accepted), 4),
    )


def _changed(offered: Sequence[str], variant: int, accepted: str) -> float:
    known = 0 <= variant < len(offered)
    return distance(offered[variant], accepted) if known else 1.0


def _line(each: Struct) -> bytes:
    return msgspec.json.encode(each) + b"\n"


def read(text: bytes) -> tuple[Head, tuple[Accepted, ...]]:
    """Raises ValueError for a file of another format or one that was changed."""
    first, _, body = text.partition(b"\n")
    head = msgspec.json.decode(first, type=Head)
    if head.format != FORMAT:
        raise ValueError(f"this is format {head.format}, known is {FORMAT}")
    if hashlib.sha256(body).hexdigest() != head.sha256:
        raise ValueError("the lines are not those the head was written for")
    lines = body.splitlines()
    return head, tuple(msgspec.json.decode(each, type=Accepted) for each in lines)
