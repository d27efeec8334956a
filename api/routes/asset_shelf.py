"""How assets are found and kept: description, retention, versions, use, the trash."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field, StringConstraints

from api.deps import P, Read
from api.problems import conflict, invalid
from api.routes.assets import Asset, Facts, need
from api.shapes import Body, Failure, Id, Item, Line, Receipt, Shown
from api.uploads import sign_body
from api.writes import Write, Writes, answer, decide, receipt
from projections.assets.query import USED, VERSIONS
from schemas.commands.asset import (
    AssetCommand,
    ChooseVersion,
    DescribeAsset,
    RestoreAsset,
    RetainAsset,
    TrashAsset,
)

router = APIRouter(tags=["assets"])

KEPT_IN_TRASH = timedelta(days=30)

Label = Annotated[str, StringConstraints(min_length=1, max_length=51)]
Labels = Annotated[list[Label], Field(max_length=50)]
Folder = Annotated[str, StringConstraints(max_length=400)]


class Description(Body):
    """All of it at once: what is left out is emptied."""

    title: Line | None = None
    tags: Labels = Field(default=[])
    topics: Labels = Field(default=[])
    folder: Folder = ""


class Retention(Body):
    """`until` null = it stays."""

    until: AwareDatetime | None


class Version(Item):
    asset_id: str
    number: int
    filename: str = ""
    content_type: str = ""
    size: int = 0
    sha256: str = ""
    status: str = ""
    facts: Facts | None = None
    problem: Failure | None = None
    duplicate_of: str = ""
    counts: bool = False
    url: str | None = None
    object_key: str = Field(default="", exclude=True)


class Versions(Shown):
    items: list[Version]


class Use(Shown):
    """`video`, `copy`, `publication` or `timeline`, and how far that has come."""

    kind: str
    id: str
    status: str = ""
    title: str = ""
    platform: str = ""
    at: datetime | None = None


class Usage(Shown):
    """`holding` uses are still going on: they keep the asset out of the trash."""

    items: list[Use]
    holding: int


@router.put("/assets/{asset_id}/description", status_code=202, response_model=Receipt)
async def describe(
    asset_id: Id, body: Description, write: Writes, rows: Read
) -> Response:
    row = await need(rows, asset_id)
    wish = DescribeAsset(
        title=body.title or row.filename,
        tags=tuple(body.tags),
        topics=tuple(body.topics),
        folder=body.folder,
    )
    return await _done(write, rows, row, wish)


@router.put("/assets/{asset_id}/retention", status_code=202, response_model=Receipt)
async def retain(asset_id: Id, body: Retention, write: Writes, rows: Read) -> Response:
    row = await need(rows, asset_id)
    if body.until is not None and body.until <= write.parts.clock():
        raise invalid(
            "/until", "This time is over.", "Give a time to come, or delete the asset."
        )
    return await _done(write, rows, row, RetainAsset(until=body.until))


@router.delete("/assets/{asset_id}", status_code=202, response_model=Receipt)
async def trash(
    asset_id: Id,
    write: Writes,
    rows: Read,
    keep_days: Annotated[int, Query(alias="keepDays", ge=0, le=365)] = 30,
) -> Response:
    """Into the trash; its files are deleted after `keepDays`, 0 = at once."""
    row = await need(rows, asset_id)
    used = await _usage(rows, asset_id)
    if used.holding and not write.repeated:
        raise conflict(
            "",
            f"{used.holding} publications of it are not finished.",
            "Finish or cancel them first; GET its /usage lists them.",
        )
    purge_at = write.parts.clock() + timedelta(days=keep_days)
    return await _done(write, rows, row, TrashAsset(purge_at=purge_at))


@router.post("/assets/{asset_id}/restore", status_code=202, response_model=Receipt)
async def restore(asset_id: Id, write: Writes, rows: Read) -> Response:
    row = await need(rows, asset_id)
    return await _done(write, rows, row, RestoreAsset())


@router.get("/assets/{asset_id}/versions")
async def versions(asset_id: Id, rows: Read, parts: P) -> Versions:
    """The newest first; `counts` marks the one the asset is."""
    row = await need(rows, asset_id)
    found = [
        Version.model_validate(each) for each in await rows.all(VERSIONS, (asset_id,))
    ]
    return Versions(items=[await _signed(each, row, parts) for each in found])


async def _signed(version: Version, row: Asset, parts: P) -> Version:
    url = await sign_body(parts, version)
    counts = version.number == row.number
    return version.model_copy(update={"url": url, "counts": counts})


@router.post(
    "/assets/{asset_id}/versions/{number}/choose",
    status_code=202,
    response_model=Receipt,
)
async def choose(asset_id: Id, number: int, write: Writes, rows: Read) -> Response:
    row = await need(rows, asset_id)
    return await _done(write, rows, row, ChooseVersion(number=number))


@router.get("/assets/{asset_id}/usage")
async def usage(asset_id: Id, rows: Read) -> Usage:
    """Videos made of it, and the copies and publications of these."""
    await need(rows, asset_id)
    return await _usage(rows, asset_id)


async def _usage(rows: Read, asset_id: str) -> Usage:
    found = await rows.all(USED, {"asset": asset_id})
    items = [Use.model_validate(each) for each in found]
    return Usage(items=items, holding=sum(each["holding"] for each in found))


async def _done(write: Write, rows: Read, row: Asset, wish: AssetCommand) -> Response:
    outcome = await decide(write, wish, row.id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, row.id),
        lambda: rows.one("assets", Asset, row.id),
    )
