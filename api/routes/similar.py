"""Search by meaning: assets and copies whose words are near to a text."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from ai_adapter.embedding.embedder import Local
from api.deps import Read
from api.shapes import Shown
from projections.vectors.project import literal
from projections.vectors.query import NEAREST

router = APIRouter(tags=["search"])

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)
]
Kinds = list[Literal["asset", "copy"]]
_EMBEDDER = Local()


class Near(Shown):
    """`likeness` is the cosine of both vectors, 1 for the same words."""

    kind: str
    id: str
    likeness: float


class Similar(Shown):
    """`degraded`: vectors are hashed here, which finds wording and no meaning."""

    items: list[Near]
    model: str
    degraded: bool


@router.get("/search/similar")
async def similar(
    rows: Read,
    q: Annotated[Text, Query()],
    kind: Annotated[Kinds | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Similar:
    """The nearest first, of what the same model has read; others are not compared."""
    made = await _EMBEDDER.embed([q])
    (vector,) = made.vectors
    asked = {
        "vector": literal(vector),
        "model": made.model,
        "size": len(vector),
        "kinds": list(kind or ("asset", "copy")),
        "limit": limit,
    }
    found = await rows.all(NEAREST, asked)
    items = [Near.model_validate(each) for each in found]
    return Similar(items=items, model=made.model, degraded=made.degraded)
