"""`contentops projection query NAME --as-of ...`: rows as they were at a time."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import psycopg
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from api.positions import NotAToken, decode
from infra.problem import Stop
from infra.settings import Settings
from projections import asof
from projections.registry import PROJECTIONS

MOST = 10_000


def query(
    settings: Settings,
    name: str,
    text: str,
    *,
    where: Sequence[str] = (),
    as_json: bool = False,
    console: Console | None = None,
) -> int:
    """Print the rows; how many there were. They can be asked for again for an hour."""
    asked = asof.question(name)
    if asked is None:
        names = ", ".join((*(each.name for each in PROJECTIONS), *asof.QUESTIONS))
        raise Stop(f"There is no read model {name}: use one of {names}.", code=2)
    at, vector = moment(text)
    tests = dict(_test(each) for each in where)
    id_ = uuid4().hex[:12]
    with psycopg.connect(settings.dsn("projector"), autocommit=True) as connection:
        asof.sweep(connection)
        connection.execute(asof.ASK, asof.values(id_, "", asked.projection, at, vector))
        _built(connection, settings, id_)
        try:
            cursor = connection.execute(asof.select(asked, id_, MOST, tests))
        except psycopg.errors.UndefinedColumn as wrong:
            raise Stop(f"{wrong.diag.message_primary}: see table.sql.", 2) from wrong
    rows = cursor.fetchall()
    columns = [each.name for each in cursor.description or ()]
    _show(columns, rows, console or Console(), as_json=as_json)
    return len(rows)


def moment(text: str) -> tuple[datetime | None, asof.Vector]:
    """A time with its zone, or a position token."""
    try:
        return None, decode(text).places
    except NotAToken:
        pass
    try:
        return asof.moment(text), {}
    except ValueError:
        raise Stop(
            f"--as-of {text[:40]}: give a time with its zone, as in "
            "2026-03-10T10:00+08:00, or the Position header of an answer.",
            2,
        ) from None


def _built(
    connection: psycopg.Connection[tuple[object, ...]], settings: Settings, id_: str
) -> None:
    """A running projector may have taken the question already: then wait for it."""
    state, reason = "asked", ""
    while state in {"asked", "building"}:
        asof.answer(connection, settings.need("kafka"), id_)
        state, reason = asof.state(connection, id_)
    if state == "failed":
        raise Stop(reason)


def _test(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Stop(f"--where {text}: write column=value.", 2)
    return name, value


def _show(
    columns: list[str],
    rows: list[tuple[object, ...]],
    console: Console,
    *,
    as_json: bool,
) -> None:
    if as_json:
        for row in rows:
            found = dict(zip(columns, row, strict=True))
            console.print(
                json.dumps(found, default=str, ensure_ascii=False), soft_wrap=True
            )
        return
    for number, row in enumerate(rows, start=1):
        console.rule(f"{number} of {len(rows)}", align="left")
        console.print(_upright(columns, row))


def _upright(columns: list[str], row: tuple[object, ...]) -> Grid:
    """A line per column, as no screen is wide enough; empty ones are left out."""
    grid = Grid(box=None, show_header=False, pad_edge=False)
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for name, value in zip(columns, row, strict=True):
        if value not in (None, "", [], {}):
            grid.add_row(name, Text(" ".join(str(value).split())))
    return grid
