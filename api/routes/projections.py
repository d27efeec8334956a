"""Looks into the past: a read model as it was at a time, for one hour, for admins."""

from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Response
from pydantic import Field
from pydantic.alias_generators import to_camel

from api.deps import Read, Who
from api.positions import NotAToken, decode
from api.problems import Problem, invalid, missing
from api.shapes import Body, Id, Shown
from projections import asof

router = APIRouter(tags=["projections"])

OPEN_MAX = 3
# What nobody needs to see to know how things were.
HIDDEN = frozenset({"contact", "secret_ref", "body_mac", "token", "intent_token"})


class AsOf(Body):
    """`asOf` is a time with its zone, or the Position header of an answer."""

    as_of: Annotated[str, Field(min_length=4, max_length=8000)]


class Look(Shown):
    """`state` is asked, building, ready or failed; there are rows when it is ready."""

    id: str
    name: str
    state: str
    reason: str = ""
    expires_at: datetime | None = None
    rows: list[dict[str, object]] = Field(default_factory=list)


@router.post("/projections/{name}/as-of", status_code=202)
async def look_back(
    name: Id, body: AsOf, who: Who, rows: Read, response: Response
) -> Look:
    """The rows of this tenant; ask at `Location` until `state` is ready."""
    _admit(who.role)
    asked = _question(name)
    at, places = _moment(body.as_of)
    if len(await rows.all(asof.OPEN_OF_TENANT)) >= OPEN_MAX:
        raise Problem(
            429,
            "Earlier looks into the past are still being built.",
            code="busy",
            headers={"Retry-After": "5"},
        )
    id_ = uuid4().hex[:12]
    values = asof.values(id_, who.tenant, asked.projection, at, places)
    await rows.all(asof.ASK, values)
    base = f"/api/v1/projections/{name}/as-of/{id_}"
    response.headers["Location"] = base
    response.headers["Retry-After"] = "1"
    return Look(id=id_, name=name, state="asked")


@router.get("/projections/{name}/as-of/{look_id}")
async def read_look(
    name: Id,
    look_id: Id,
    who: Who,
    rows: Read,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Look:
    """404 once the hour is over."""
    _admit(who.role)
    asked = _question(name)
    found = await rows.all(asof.LOOK, (look_id, asked.projection))
    if not found:
        raise missing("look into the past")
    held: list[dict[str, object]] = []
    if found[0]["state"] == "ready":
        held = [dict(row) for row in await rows.all(asof.select(asked, look_id, limit))]
    shown = [
        {to_camel(key): value for key, value in row.items() if key not in HIDDEN}
        for row in held
    ]
    return Look.model_validate({**found[0], "name": name, "rows": shown})


def _admit(role: str) -> None:
    if role != "admin":
        raise Problem(403, "Only an admin may look into the past.", code="forbidden")


def _question(name: str) -> asof.Question:
    found = asof.question(name)
    if found is None or found.table == "keys":
        raise missing("read model")
    return found


def _moment(text: str) -> tuple[datetime | None, asof.Vector]:
    try:
        return asof.moment(text), {}
    except ValueError:
        pass
    try:
        return None, decode(text).places
    except NotAToken as wrong:
        raise invalid(
            "/asOf",
            "This is neither a time with its zone nor a position.",
            "Send a time such as 2026-03-10T10:00:00+08:00.",
        ) from wrong
