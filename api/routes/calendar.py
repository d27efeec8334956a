"""The calendar: what goes out when, in the order of time."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import P, Read
from api.problems import invalid
from api.routes.publications import Publication
from api.shapes import Shown
from projections.publications.query import BETWEEN

router = APIRouter(tags=["calendar"])

SPAN_MAX = timedelta(days=400)


class Calendar(Shown):
    start: datetime
    end: datetime
    items: list[Publication]


@router.get("/calendar")
async def read_calendar(
    rows: Read,
    parts: P,
    start: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None,
) -> Calendar:
    """Without bounds: the last seven days and the next thirty."""
    now = parts.clock()
    since = start or now - timedelta(days=7)
    until = end or now + timedelta(days=30)
    for name, moment in (("from", since), ("to", until)):
        if moment.tzinfo is None:
            raise invalid(f"/query/{name}", "The zone is missing.", "End it with Z.")
    if not timedelta(0) < until - since <= SPAN_MAX:
        raise invalid(
            "/query/to",
            "The span is empty or longer than 400 days.",
            "Choose a later `to`, at most 400 days after `from`.",
        )
    found = await rows.all(BETWEEN, (since, until))
    items = [Publication.model_validate(row) for row in found]
    return Calendar(start=since, end=until, items=items)
