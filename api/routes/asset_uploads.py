"""Uploads: bodies go straight from the client into the store, and may go on later."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from api.deps import P, Read
from api.parts import Parts
from api.problems import conflict, invalid, missing
from api.routes import quota
from api.routes.asset_shelf import Version
from api.routes.assets import Asset, need
from api.shapes import Body, Id, Item, Line, Receipt
from api.uploads import (
    CONTENT_TYPES,
    Upload,
    Wanted,
    in_parts,
    part_size,
    sign_rest,
    sign_upload,
)
from api.writes import Outcome, Write, Writes, answer, decide, receipt
from media_agents.errors import ObjectMissing
from media_agents.storage import ObjectFacts, Part, object_key
from projections.assets.query import SAME, VERSIONS
from schemas.commands.asset import CompleteUpload, PresignAsset, PresignVersion

router = APIRouter(tags=["assets"])

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


Number = Annotated[int, Field(ge=1, le=10_000)]
Again = Annotated[list[Number] | None, Query(max_length=100)]


class Announced(Version):
    """A body with what only the way in needs to know."""

    upload_id: str = ""


class NewBody(Body):
    """With `sha256` (hex) the store itself refuses a body that is another one."""

    filename: Line
    content_type: Line
    size: int = Field(ge=1)
    sha256: Sha256 | None = None


class NewAsset(NewBody):
    project_id: Id


class GivenPart(Body):
    number: int = Field(ge=1, le=10_000)
    etag: Line


class Complete(Body):
    """Without `parts` the store is asked which ones it has."""

    parts: list[GivenPart] = Field(default=[], max_length=10_000)
    sha256: Sha256 | None = None


class PresignedAsset(Asset):
    upload: Upload


class PresignReceipt(Receipt):
    upload: Upload


@router.post("/assets/presign", status_code=202, response_model=PresignReceipt)
async def presign(body: NewAsset, write: Writes, parts: P, rows: Read) -> Response:
    _check(body, parts)
    if await rows.one("projects", Item, body.project_id) is None:
        raise missing("project", "/projectId")
    await _room(body, body.project_id, write, rows)
    asset_id = write.new_id("asset")
    wanted = await _wanted(body, write, asset_id)
    wish = PresignAsset(
        project_id=body.project_id,
        filename=body.filename,
        content_type=body.content_type,
        size=body.size,
        object_key=wanted.key,
        sha256=wanted.sha256,
        upload_id=wanted.upload_id,
        until=_until(parts),
    )
    outcome = await decide(write, wish, asset_id)
    # a repeated request may have opened a second multipart upload: the row decides
    row = await rows.one("assets", Asset, asset_id)
    kept = row.upload_id if row else wanted.upload_id
    upload = await sign_upload(parts, wanted.model_copy(update={"upload_id": kept}))
    made = f"/api/v1/assets/{asset_id}"
    return await _answered(write, rows, outcome, asset_id, upload, made=made)


async def _answered(
    write: Write,
    rows: Read,
    outcome: Outcome,
    asset_id: str,
    upload: Upload,
    *,
    made: str = "",
) -> Response:
    told = PresignReceipt(
        **receipt(write, outcome, asset_id).model_dump(), upload=upload
    )

    async def show() -> PresignedAsset | None:
        found = await rows.one("assets", Asset, asset_id)
        return PresignedAsset(**dict(found), upload=upload) if found else None

    return await answer(write, outcome, told, show, made=made)


def _until(parts: Parts) -> datetime:
    """What has not arrived by then is given up."""
    return parts.clock() + timedelta(seconds=parts.edge.upload_open_s)


def _check(body: NewBody, parts: Parts) -> None:
    if body.content_type not in CONTENT_TYPES:
        raise invalid(
            "/contentType",
            f"{body.content_type} is not taken.",
            f"Use one of: {', '.join(CONTENT_TYPES)}.",
        )
    if body.size > parts.edge.upload_max:
        raise invalid(
            "/size",
            f"The file has {body.size} bytes.",
            f"Send at most {parts.edge.upload_max} bytes.",
        )


async def _room(body: NewBody, project_id: str, write: Write, rows: Read) -> None:
    if not write.repeated:
        await quota.refuse_above(rows, write.who.tenant, project_id, body.size)


async def _wanted(body: NewBody, write: Write, asset_id: str) -> Wanted:
    """The same request names the same key, also when it is repeated."""
    place = f"{asset_id}/{write.command_id[:8]}"
    key = object_key(write.who.tenant, "assets", place, body.filename)
    opened = ""
    if in_parts(body.size) and not write.repeated:
        opened = await write.parts.storage.create_multipart(key, body.content_type)
    return Wanted(
        key=key,
        content_type=body.content_type,
        size=body.size,
        sha256=body.sha256 or "",
        upload_id=opened,
    )


@router.post(
    "/assets/{asset_id}/versions", status_code=202, response_model=PresignReceipt
)
async def presign_version(
    asset_id: Id, body: NewBody, write: Writes, parts: P, rows: Read
) -> Response:
    """Another body of the same asset; it counts once it was found usable."""
    _check(body, parts)
    row = await need(rows, asset_id)
    await _room(body, row.project_id, write, rows)
    wanted = await _wanted(body, write, asset_id)
    wish = PresignVersion(
        filename=body.filename,
        content_type=body.content_type,
        size=body.size,
        object_key=wanted.key,
        sha256=wanted.sha256,
        upload_id=wanted.upload_id,
        until=_until(parts),
    )
    outcome = await decide(write, wish, asset_id, cause=row.event_id)
    upload = await sign_upload(parts, wanted)
    return await _answered(write, rows, outcome, asset_id, upload)


@router.get("/assets/{asset_id}/upload")
async def resume(asset_id: Id, parts: P, rows: Read, again: Again = None) -> Upload:
    """What is left to send of the newest body, newly signed: nothing is sent twice.

    `again` are parts whose sending was cut: no answer came, so they may lie there torn.
    """
    await need(rows, asset_id)
    body = await _newest(rows, asset_id)
    if body.status != "presigned":
        if body.status == "abandoned":
            raise conflict("", "This upload was given up.", "Announce the file again.")
        raise conflict("", "This upload has ended.", "There is nothing left to send.")
    wanted = Wanted(
        key=body.object_key,
        content_type=body.content_type,
        size=body.size,
        sha256=body.sha256,
        upload_id=body.upload_id,
    )
    try:
        return await sign_rest(parts, wanted, again or ())
    except ObjectMissing as gone:
        raise conflict(
            "", "The store gave this upload up.", "Ask for a new upload of the file."
        ) from gone


@router.post("/assets/{asset_id}/complete", status_code=202, response_model=Receipt)
async def complete(
    asset_id: Id, body: Complete, write: Writes, parts: P, rows: Read
) -> Response:
    """Looks at what lies in the store; nothing the client says is believed."""
    row = await need(rows, asset_id)
    wish = await _found(parts, rows, await _newest(rows, asset_id), body)
    outcome = await decide(write, wish, asset_id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, asset_id),
        lambda: rows.one("assets", Asset, asset_id),
    )


async def _newest(rows: Read, asset_id: str) -> Announced:
    found = await rows.all(VERSIONS, (asset_id,))
    return Announced.model_validate(found[0])


async def _found(
    parts: Parts, rows: Read, row: Announced, body: Complete
) -> CompleteUpload:
    if row.status == "abandoned":
        raise conflict("", "This upload was given up.", "Announce the file again.")
    if row.status != "presigned":
        return CompleteUpload(
            size=row.size, sha256=row.sha256, content_type=row.content_type
        )
    if row.upload_id:
        await _join(parts, row, body.parts)
    there = await parts.storage.head(row.object_key)
    if there is None:
        raise conflict(
            "", "The file is not in the store yet.", "PUT it, then complete again."
        )
    _same_size(row, there)
    sha256 = await _summed(parts, row, there)
    if sha256 != (body.sha256 or row.sha256 or sha256):
        raise invalid(
            "/sha256",
            "The stored file has another SHA-256.",
            "Presign again and upload the right file.",
        )
    same = await rows.all(SAME, {"sha256": sha256, "asset": row.asset_id})
    return CompleteUpload(
        size=there.size,
        sha256=sha256,
        content_type=row.content_type,
        duplicate_of=same[0]["asset_id"] if same else "",
    )


async def _summed(parts: Parts, row: Announced, there: ObjectFacts) -> str:
    """SHA-256 of what lies there; raises Problem where a part of it is torn.

    A store may have taken a part for whole whose line went dead. Then its bytes are
    not those that the ETag is made of.
    """
    if not row.upload_id:
        return there.sha256 or await parts.storage.sha256(row.object_key)
    sha256, etag = await parts.storage.sums(row.object_key, part_size(row.size))
    if there.summed and there.etag != etag:
        raise conflict(
            "/parts",
            "A part of the file arrived torn.",
            "Announce the file again; name cut parts in ?again= when it goes on.",
        )
    return sha256


def _same_size(row: Announced, there: ObjectFacts) -> None:
    if there.size != row.size:
        raise invalid(
            "/size",
            f"{row.size} bytes were announced, {there.size} arrived.",
            "Presign again with the file's true size.",
        )


async def _join(parts: Parts, row: Announced, given: list[GivenPart]) -> None:
    if await parts.storage.head(row.object_key) is not None:
        return
    try:
        joined = [Part(each.number, each.etag) for each in given]
        joined = joined or await _arrived(parts, row)
        await parts.storage.complete_multipart(row.object_key, row.upload_id, joined)
    except ObjectMissing as gone:
        raise conflict(
            "/parts", "A part is missing.", "Upload every part, then complete again."
        ) from gone


async def _arrived(parts: Parts, row: Announced) -> list[Part]:
    sent = await parts.storage.sent_parts(row.object_key, row.upload_id)
    missing_bytes = row.size - sum(each.size for each in sent)
    if missing_bytes > 0:
        raise conflict(
            "/parts",
            f"{missing_bytes} bytes are missing in the store.",
            "GET its /upload, send what is left, then complete again.",
        )
    return [Part(each.number, each.etag) for each in sent]
