"""Search: everything of a tenant that holds the words of a question."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import StringConstraints

from api.deps import Cursor, P, ProjectId, Who, positioned
from api.problems import invalid
from api.shapes import Page, Shown
from projections.search import NotACursor, Only


async def level(request: Request, who: Who, parts: P) -> None:
    """With a `Position` header: what answers searches has come that far, too."""
    del who  # Known first: nobody else is made to wait.
    if parts.edge.searchers:
        await positioned(request, parts.edge.searchers)


router = APIRouter(tags=["search"], dependencies=[Depends(level)])

Question = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
PLAIN = r"^[^\x00]*$"
Tag = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=PLAIN)]
Folder = Annotated[str, StringConstraints(max_length=400, pattern=PLAIN)]
Kinds = list[Literal["project", "asset", "copy", "publication"]]


class Found(Shown):
    """Marks are [start, end) characters of what was asked for."""

    kind: str
    id: str
    title: str
    title_marks: list[tuple[int, int]]
    snippet: str
    snippet_marks: list[tuple[int, int]]


class Counted(Shown):
    value: str
    count: int


class Facets(Shown):
    kinds: list[Counted]
    tags: list[Counted]


def only(
    kind: Annotated[Kinds | None, Query()] = None,
    tag: Annotated[list[Tag] | None, Query(max_length=20)] = None,
    project_id: ProjectId = None,
    folder: Annotated[Folder | None, Query()] = None,
) -> Only:
    return Only(tuple(kind or ()), tuple(tag or ()), project_id or "", folder or "")


Filter = Annotated[Only, Depends(only)]


@router.get("/search")
async def search(
    who: Who,
    parts: P,
    q: Annotated[Question, Query()],
    wanted: Filter,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Page[Found]:
    """The best first: titles count for more than texts."""
    try:
        found = await parts.search.find(
            who.tenant, q, only=wanted, cursor=cursor, limit=limit
        )
    except NotACursor as wrong:
        raise invalid(
            "/query/cursor", str(wrong), "Send the `next` of an earlier page."
        ) from wrong
    items = [Found.model_validate(each, from_attributes=True) for each in found.items]
    return Page(items=items, next=found.next)


@router.get("/search/facets")
async def facets(
    who: Who, parts: P, q: Annotated[Question, Query()], wanted: Filter
) -> Facets:
    """What there is among all that match, by kind and by tag."""
    found = await parts.search.facets(who.tenant, q, only=wanted)
    return Facets.model_validate(found, from_attributes=True)
