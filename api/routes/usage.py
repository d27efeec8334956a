"""What AI calls cost: by project, person, task, model and day, in the billed money."""

import csv
import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from api.deps import P, ProjectId, Read
from api.problems import invalid
from api.shapes import Id, Shown
from projections.ai_usage.query import usage

router = APIRouter(tags=["ai"])

By: TypeAlias = Annotated[
    list[Literal["project", "person", "task", "model", "day"]],
    Query(max_length=5),
]
Zone: TypeAlias = Annotated[str, Query(max_length=60)]
MONTH = timedelta(days=31)
COUNTS = ("answers", "failures", "unknown", "calls")


class Share(Shown):
    """`unknown` answers have no price or were lost; they are not in `cost`.

    A part that was not asked for is null. Nothing paid in any money has currency "".
    """

    project: str | None = None
    person: str | None = None
    task: str | None = None
    model: str | None = None
    day: str | None = None
    currency: str = ""
    answers: int = 0
    failures: int = 0
    unknown: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)


class Shares(Shown):
    since: date
    until: date
    items: list[Share]


@router.get("/ai/usage", response_model=Shares)
async def read_usage(  # noqa: PLR0913  what a route is asked are its arguments
    rows: Read,
    parts: P,
    by: By = [],  # noqa: B006  FastAPI copies defaults
    since: date | None = None,
    until: date | None = None,
    timezone: Zone = "Asia/Shanghai",
    project_id: ProjectId = None,
    person_id: Annotated[Id | None, Query(alias="personId")] = None,
    format_: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """Both days included; without them the last 31. `by=day&by=model` for each."""
    zone = _zone(timezone)
    last = until or parts.clock().astimezone(zone).date()
    first = since or last - MONTH
    values = {
        "since": datetime.combine(first, time(), zone),
        "until": datetime.combine(last + timedelta(days=1), time(), zone),
        "zone": zone.key,
        "project": project_id,
        "person": person_id,
    }
    parted = list(dict.fromkeys(by))
    found = await rows.all(usage(parted), values)
    if format_ == "csv":
        return _csv(parted, found)
    shares = [Share.model_validate(each) for each in found]
    told = Shares(since=first, until=last, items=shares)
    return JSONResponse(told.model_dump(mode="json", by_alias=True))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise invalid(
            "/query/timezone",
            "There is no such time zone.",
            "Use an IANA name such as Asia/Shanghai.",
        ) from wrong


def _csv(by: list[Any], found: list[dict[str, Any]]) -> Response:
    names = [*by, "currency", *COUNTS, "prompt_tokens", "completion_tokens", "cost"]
    text = io.StringIO()
    lines = csv.DictWriter(text, names)
    lines.writeheader()
    lines.writerows({name: _cell(each[name]) for name in names} for each in found)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


def _cell(value: object) -> str:
    """No cell begins like a formula of a spreadsheet."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "@", "-")) else text
