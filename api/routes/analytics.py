"""Analytics: what each publication brought, as the read-only analyst sees it."""

from datetime import datetime
from typing import Annotated

from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Query

from api.deps import P, Who
from api.problems import Problem
from api.shapes import Id, Shown
from projections.analytics.query import PERFORMANCE

router = APIRouter(tags=["analytics"])


class Performance(Shown):
    publication_id: str = ""
    platform: str = ""
    title: str = ""
    project_id: str = ""
    video_id: str = ""
    account_id: str = ""
    published_at: datetime | None = None
    views: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0
    completion_rate: float | None = None
    interaction_rate: float | None = None
    leads: int = 0
    ai_cost: float | None = None
    media_seconds: float = 0


class Totals(Shown):
    publications: int
    views: int
    likes: int
    comments: int
    shares: int
    leads: int
    media_seconds: float


class Overview(Shown):
    """Up to 1,000 publications and the totals of those."""

    items: list[Performance]
    totals: Totals


@router.get("/analytics/overview")
async def overview(
    who: Who,
    parts: P,
    platform: Annotated[Id | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> Overview:
    bound = {"tenant": who.tenant, "platform": platform or "", "limit": limit}
    try:
        found = await parts.analytics.rows(PERFORMANCE, bound)
    except ClickHouseError as away:
        raise Problem(
            503,
            "The analytics store does not answer.",
            code="unavailable",
            headers={"Retry-After": "2"},
        ) from away
    items = [Performance.model_validate(row) for row in found]
    return Overview(items=items, totals=_totals(items))


def _totals(items: list[Performance]) -> Totals:
    return Totals(
        publications=len(items),
        views=sum(each.views for each in items),
        likes=sum(each.likes for each in items),
        comments=sum(each.comments for each in items),
        shares=sum(each.shares for each in items),
        leads=sum(each.leads for each in items),
        media_seconds=sum(each.media_seconds for each in items),
    )
