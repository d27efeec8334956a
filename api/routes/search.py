"""Search: everything of a tenant that holds the words of a question."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from api.deps import Cursor, P, Who
from api.problems import invalid
from api.shapes import Page, Shown
from projections.search import NotACursor, PostgresSearch

router = APIRouter(tags=["search"])

Question = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
Kinds = list[Literal["project", "asset", "copy", "publication"]]


class Found(Shown):
    """Marks are [start, end) characters of what was asked for."""

    kind: str
    id: str
    title: str
    title_marks: list[tuple[int, int]]
    snippet: str
    snippet_marks: list[tuple[int, int]]


@router.get("/search")
async def search(
    who: Who,
    parts: P,
    q: Annotated[Question, Query()],
    kind: Annotated[Kinds | None, Query()] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Page[Found]:
    """The best first: titles count for more than texts."""
    try:
        found = await PostgresSearch(parts.pool).find(
            who.tenant, q, kinds=kind or (), cursor=cursor, limit=limit
        )
    except NotACursor as wrong:
        raise invalid(
            "/query/cursor", str(wrong), "Send the `next` of an earlier page."
        ) from wrong
    items = [Found.model_validate(each, from_attributes=True) for each in found.items]
    return Page(items=items, next=found.next)
