"""Rows of a sheet, as JSON or CSV, into wishes; each bad row is told with its field."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from ai_adapter.tools.tool import AnyTool, Wish
from ai_adapter.tools.wishes import BadWish, from_row, wished
from api.problems import Fault, Problem, invalid
from streams.agents.batching import MOST_ROWS, Bad, Row

R = TypeVar("R")

SHOWN_FAULTS = 20
# What a spreadsheet would take for a formula and run.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows count from 1, the first one below a heading."""

    rows: tuple[Row, ...]
    bad: tuple[Bad, ...]


def from_json(tool: AnyTool, rows: Sequence[Mapping[str, object]]) -> Sheet:
    """Raises Problem where not one row is good."""
    return _read(rows, lambda row: wished(tool, row))


def from_csv(tool: AnyTool, body: bytes) -> Sheet:
    """The same of a sheet with a heading; `|` parts the entries of a list."""
    return _read(_lines(tool, body), lambda row: from_row(tool, row))


def _read(rows: Sequence[R], wish: Callable[[R], Wish]) -> Sheet:
    _check_count(len(rows))
    good: list[Row] = []
    bad: list[Bad] = []
    for number, row in enumerate(rows, 1):
        try:
            good.append(Row(number, msgspec.json.encode(wish(row)).decode()))
        except BadWish as wrong:
            bad.append(Bad(number, wrong.pointer, wrong.reason))
    if not good:
        raise _all_bad(bad)
    return Sheet(tuple(good), tuple(bad))


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_ROWS:
        raise invalid(
            "/rows",
            f"There are {count} rows.",
            f"Send 1 to {MOST_ROWS} rows at a time.",
        )


def _all_bad(bad: Iterable[Bad]) -> Problem:
    faults = [
        Fault(f"/rows/{each.number - 1}{each.pointer}", each.reason, "Mend this row.")
        for each in bad
    ]
    detail = "Not one row fits the input schema of the tool."
    return Problem(422, detail, *faults[:SHOWN_FAULTS], code="invalid")


def _lines(tool: AnyTool, body: bytes) -> list[dict[str, str]]:
    try:
        text = body.decode("utf-8-sig")
        found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise invalid(
            "", f"This is no CSV in UTF-8: {wrong}.", "Save the sheet as CSV in UTF-8."
        ) from wrong
    rows = [row for row in found if any(cell.strip() for cell in row)]
    if not rows:
        raise invalid("", "The sheet is empty.", "Send a heading and rows below it.")
    heading = [name.strip() for name in rows[0]]
    _check_heading(tool, heading)
    return [dict(zip(heading, row, strict=False)) for row in rows[1:]]


def _check_heading(tool: AnyTool, heading: Sequence[str]) -> None:
    known = [field.encode_name for field in msgspec.structs.fields(tool.wish)]
    for name in heading:
        if name not in known or heading.count(name) > 1:
            raise invalid(
                f"/{name}",
                f"{name[:40]!r} is no field of this tool, or is there twice.",
                f"Use each of these once: {', '.join(known)}.",
            )


def written(rows: Sequence[Mapping[str, object]]) -> str:
    """CSV of flat rows; no cell is a formula to a spreadsheet."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, restval="")
    writer.writeheader()
    writer.writerows({name: _cell(row[name]) for name in row} for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
