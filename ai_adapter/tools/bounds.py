"""Lengths of a result held against its platform: what is too long, and what fits."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from ai_adapter.platforms import fitted, length
from ai_adapter.tools.tool import Bound

S = TypeVar("S", bound=Struct)
_Change = Callable[[object], object]


def too_long(result: Struct, bounds: Sequence[Bound]) -> tuple[str, ...]:
    """One sentence for each text and list that is longer than it may be."""
    found = plain(result)
    return tuple(
        fault
        for bound in bounds
        for value in _at(found, bound.path.split("."), entries=bound.entries)
        if (fault := _fault(value, bound))
    )


def cut(result: S, bounds: Sequence[Bound]) -> S:
    """The result with every text and list no longer than its bound."""
    found = plain(result)
    for bound in bounds:
        found = _changed(found, bound.path.split("."), _cutter(bound), bound.entries)
    return msgspec.convert(found, type(result))


def plain(result: Struct) -> object:
    """As JSON would have it: mappings, lists, texts and numbers."""
    return msgspec.json.decode(msgspec.json.encode(result))


def _fault(value: object, bound: Bound) -> str:
    if bound.entries:
        found = len(value) if isinstance(value, list) else 0
        said = f"{bound.path} has {found} entries, at most {bound.most}"
    else:
        found = length(value, bound.count) if isinstance(value, str) else 0
        said = f"{bound.path} is {found} long ({bound.count}), at most {bound.most}"
    return said if found > bound.most else ""


def _cutter(bound: Bound) -> _Change:
    def cut_one(value: object) -> object:
        if bound.entries:
            return value[: bound.most] if isinstance(value, list) else value
        short = isinstance(value, str)
        return fitted(str(value), bound.most, bound.count) if short else value

    return cut_one


def _at(value: object, path: list[str], *, entries: bool) -> Iterator[object]:
    """What the path names; a list is entered unless it is the list that is meant."""
    if isinstance(value, list) and not (entries and not path):
        for each in value:
            yield from _at(each, path, entries=entries)
    elif not path:
        yield value
    elif isinstance(value, dict):
        yield from _at(value.get(path[0]), path[1:], entries=entries)


def _changed(value: object, path: list[str], change: _Change, whole: bool) -> object:
    if isinstance(value, list) and not (whole and not path):
        return [_changed(each, path, change, whole) for each in value]
    if not path:
        return change(value)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    inner = _changed(value[path[0]], path[1:], change, whole)
    return {**value, path[0]: inner}
