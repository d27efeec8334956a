"""Assets: material that comes in, straight from the client into the store."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.deps import Cursor, Limit, P, ProjectId, Read
from api.parts import Parts
from api.problems import conflict, invalid, missing
from api.shapes import Body, Failure, Id, Item, Line, Page, Receipt, Shown
from api.uploads import CONTENT_TYPES, Upload, Wanted, in_parts, sign_get, sign_upload
from api.writes import Write, Writes, answer, decide, receipt
from media_agents.errors import ObjectMissing
from media_agents.storage import ObjectFacts, Part, object_key
from schemas.commands.asset import CompleteUpload, PresignAsset

router = APIRouter(tags=["assets"])

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Status = Literal["presigned", "importing", "uploaded", "ready", "refused"]


class NewAsset(Body):
    """With `sha256` (hex) the store itself refuses a body that is another one."""

    filename: Line
    content_type: Line
    size: int = Field(ge=1)
    project_id: Id
    sha256: Sha256 | None = None


class SentPart(Body):
    number: int = Field(ge=1, le=10_000)
    etag: Line


class Complete(Body):
    parts: list[SentPart] = Field(default=[], max_length=10_000)
    sha256: Sha256 | None = None


class Facts(Shown):
    duration_ms: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0
    video_codec: str = ""
    audio_codec: str = ""
    channels: int = 0
    bit_rate: int = 0
    container: str = ""


class Asset(Item):
    project_id: str = ""
    filename: str = ""
    content_type: str = ""
    size: int = 0
    sha256: str = ""
    source: str = ""
    status: str = ""
    facts: Facts | None = None
    problem: Failure | None = None
    url: str | None = None
    object_key: str = Field(default="", exclude=True)
    upload_id: str = Field(default="", exclude=True)


class PresignedAsset(Asset):
    upload: Upload


class PresignReceipt(Receipt):
    upload: Upload


@router.post("/assets/presign", status_code=202, response_model=PresignReceipt)
async def presign(body: NewAsset, write: Writes, parts: P, rows: Read) -> Response:
    _check(body, parts)
    if await rows.one("projects", Item, body.project_id) is None:
        raise missing("project", "/projectId")
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
    )
    outcome = await decide(write, wish, asset_id)
    # a repeated request may have opened a second multipart upload: the row decides
    row = await rows.one("assets", Asset, asset_id)
    kept = row.upload_id if row else wanted.upload_id
    upload = await sign_upload(parts, wanted.model_copy(update={"upload_id": kept}))
    told = PresignReceipt(
        **receipt(write, outcome, asset_id).model_dump(), upload=upload
    )

    async def show() -> PresignedAsset | None:
        found = await rows.one("assets", Asset, asset_id)
        return PresignedAsset(**dict(found), upload=upload) if found else None

    made = f"/api/v1/assets/{asset_id}"
    return await answer(write, outcome, told, show, made=made)


def _check(body: NewAsset, parts: Parts) -> None:
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


async def _wanted(body: NewAsset, write: Write, asset_id: str) -> Wanted:
    key = object_key(write.who.tenant, "assets", asset_id, body.filename)
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


@router.post("/assets/{asset_id}/complete", status_code=202, response_model=Receipt)
async def complete(
    asset_id: Id, body: Complete, write: Writes, parts: P, rows: Read
) -> Response:
    """Looks at what lies in the store; nothing the client says is believed."""
    row = await _need(rows, asset_id)
    wish = await _found(parts, row, body)
    outcome = await decide(write, wish, asset_id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, asset_id),
        lambda: rows.one("assets", Asset, asset_id),
    )


async def _found(parts: Parts, row: Asset, body: Complete) -> CompleteUpload:
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
    sha256 = there.sha256 or await parts.storage.sha256(row.object_key)
    if sha256 != (body.sha256 or row.sha256 or sha256):
        raise invalid(
            "/sha256",
            "The stored file has another SHA-256.",
            "Presign again and upload the right file.",
        )
    return CompleteUpload(size=there.size, sha256=sha256, content_type=row.content_type)


def _same_size(row: Asset, there: ObjectFacts) -> None:
    if there.size != row.size:
        raise invalid(
            "/size",
            f"{row.size} bytes were announced, {there.size} arrived.",
            "Presign again with the file's true size.",
        )


async def _join(parts: Parts, row: Asset, sent: list[SentPart]) -> None:
    if await parts.storage.head(row.object_key) is not None:
        return
    if not sent:
        raise invalid(
            "/parts", "The parts are not named.", "List number and ETag of every part."
        )
    joined = [Part(each.number, each.etag) for each in sent]
    try:
        await parts.storage.complete_multipart(row.object_key, row.upload_id, joined)
    except ObjectMissing as gone:
        raise conflict(
            "/parts", "A part is missing.", "Upload every part, then complete again."
        ) from gone


@router.get("/assets")
async def list_assets(
    rows: Read,
    project_id: ProjectId = None,
    status: Status | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Asset]:
    where = {"project_id": project_id, "status": status}
    return await rows.page("assets", Asset, where=where, cursor=cursor, limit=limit)


@router.get("/assets/{asset_id}")
async def read_asset(asset_id: Id, parts: P, rows: Read, response: Response) -> Asset:
    found = await _need(rows, asset_id)
    response.headers["ETag"] = f'"{found.version}"'
    if found.status not in {"uploaded", "ready"}:
        return found
    url = await sign_get(parts, found.object_key, found.content_type)
    return found.model_copy(update={"url": url})


async def _need(rows: Read, asset_id: str) -> Asset:
    found = await rows.one("assets", Asset, asset_id)
    if found is None:
        raise missing("asset")
    return found
