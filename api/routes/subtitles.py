"""Subtitles of an asset: made, brought in, read, edited, translated, by version."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Query, Request, Response

from api.deps import P, Read
from api.parts import Parts
from api.problems import Fault, Problem, conflict, invalid
from api.routes.assets import Asset, need
from api.shapes import Id, Receipt
from api.subtitling import (
    TOLD,
    Document,
    Edit,
    NewSubtitle,
    Subtitle,
    SubtitleReceipt,
    Subtitles,
    Tag,
    Text,
    TextVersion,
    TextVersions,
    Translation,
    cue_shape,
    cues_from,
    cues_of,
    fault_shape,
    kept,
    need_text,
    text_of,
    upright,
)
from api.writes import Write, Writes, answer, decide, receipt
from media_agents.errors import MediaRefused
from media_agents.subtitles.files import CONTENT_TYPES, Format, read, written
from media_agents.subtitles.keeping import Home, keep_script
from media_agents.subtitles.rules import Cue, faults, rules_for
from projections.subtitles.query import OF_ASSET, VERSIONS
from schemas.commands.subtitle import (
    ChooseSubtitle,
    PutSubtitle,
    RequestSubtitle,
    SubtitleCommand,
)
from schemas.ids import derived, event_id, subtitle_id

router = APIRouter(tags=["subtitles"])

OF = "/assets/{asset_id}/subtitles"
Language: TypeAlias = Annotated[Tag, Path()]
Version: TypeAlias = Annotated[int | None, Query(ge=1)]
Fix: TypeAlias = Annotated[bool, Query()]
FILE = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in CONTENT_TYPES.values()
        },
    }
}


@router.get(OF)
async def list_subtitles(asset_id: Id, rows: Read) -> Subtitles:
    """What counts of each language."""
    await need(rows, asset_id)
    found = await rows.all(OF_ASSET, (asset_id,))
    return Subtitles(items=[Subtitle.model_validate(each) for each in found])


@router.post(OF, status_code=202, response_model=SubtitleReceipt)
async def request_subtitle(
    asset_id: Id, body: NewSubtitle, write: Writes, rows: Read, parts: P
) -> Response:
    asset = await usable(rows, asset_id)
    _check_sound(asset, write)
    home = Home(write.who.tenant, asset_id, body.language)
    key, digest = await _script(body, home, parts)
    wish = RequestSubtitle(
        asset_id=asset_id,
        language=body.language,
        source=body.source,
        object_key=asset.object_key,
        sha256=asset.sha256,
        script_key=key,
        script_sha256=digest,
    )
    return await _making(write, rows, wish, asset.event_id)


def _check_sound(asset: Asset, write: Write) -> None:
    if write.repeated or (asset.facts is not None and asset.facts.audio_codec):
        return
    if asset.facts is None:
        raise conflict(
            "", "The file was not looked into yet.", "Wait until it is ready, then ask."
        )
    raise conflict("", "It has no sound.", "Upload subtitles as a file instead.")


async def _script(body: NewSubtitle, home: Home, parts: Parts) -> tuple[str, str]:
    if (body.source == "script") != bool(body.script):
        raise invalid(
            "/script",
            "A script belongs to the source script, and only there.",
            "Send what is said as script, or leave it out and send the source asr.",
        )
    if not body.script:
        return "", ""
    return await keep_script(parts.storage, home, body.script)


async def _making(
    write: Write, rows: Read, wish: RequestSubtitle, cause: str
) -> Response:
    own = subtitle_id(wish.asset_id, wish.language)
    outcome = await decide(write, wish, own, cause=cause)
    told = SubtitleReceipt(
        operation_id=write.command_id,
        status=outcome.status,
        id=own,
        task_id=derived("job", event_id(write.command_id)),
    )
    return await answer(
        write, outcome, told, lambda: rows.one("subtitles", Subtitle, own)
    )


@router.put(
    f"{OF}/{{language}}/file",
    status_code=202,
    response_model=Receipt,
    openapi_extra=FILE,
)
async def upload_subtitle(  # noqa: PLR0913  what a route is asked are its arguments
    asset_id: Id,
    language: Language,
    request: Request,
    write: Writes,
    rows: Read,
    parts: P,
    fix: Fix = False,
) -> Response:
    """SRT, WebVTT or ASS in UTF-8, UTF-16 or GB18030, 256 KiB at most.

    `fix` breaks and times the cues by the rules; without it they stay as they are,
    and reading them tells what is hard to read.
    """
    asset = await usable(rows, asset_id)
    data = await request.body()
    try:
        cues, _ = await asyncio.to_thread(read, data, lenient=fix)
    except MediaRefused as no:
        raise invalid("", f"The file was refused: {no.reason}.", no.remedy) from no
    home = Home(write.who.tenant, asset_id, language)
    text = await kept(parts, home, cues, "upload", asset, fix=fix)
    return await _done(
        write, rows, home, PutSubtitle(asset_id=asset_id, text=text), asset.event_id
    )


@router.put(f"{OF}/{{language}}", status_code=202, response_model=Receipt)
async def edit_subtitle(  # noqa: PLR0913  what a route is asked are its arguments
    asset_id: Id,
    language: Language,
    body: Edit,
    request: Request,
    write: Writes,
    rows: Read,
    parts: P,
) -> Response:
    """A new version of what is there; If-Match is the ETag of what was read."""
    _check_condition(request)
    asset = await usable(rows, asset_id)
    row = await need_text(rows, asset_id, language)
    home = Home(write.who.tenant, asset_id, language)
    text = await kept(parts, home, cues_of(body), "edit", asset, fix=body.fix)
    return await _done(
        write, rows, home, PutSubtitle(asset_id=asset_id, text=text), row.event_id
    )


def _check_condition(request: Request) -> None:
    if "if-match" in request.headers:
        return
    raise Problem(
        428,
        "An edit must say what it is an edit of.",
        Fault("/headers/If-Match", "It is missing.", "Send the ETag you were given."),
        code="precondition_required",
    )


@router.get(f"{OF}/{{language}}.{{kind}}")
async def download_subtitle(
    asset_id: Id,
    language: Language,
    kind: Format,
    rows: Read,
    parts: P,
    version: Version = None,
) -> Response:
    """A file of its own; times of ASS are hundredths of a second."""
    await need(rows, asset_id)
    row = await need_text(rows, asset_id, language)
    found = await text_of(rows, row, version)
    cues = await cues_from(parts, found.text)
    body = await asyncio.to_thread(written, cues, kind)
    name = f"{asset_id}-{language}-v{found.number}.{kind}"
    headers = {
        "ETag": f'"{row.version}"',
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    kind_of = f"{CONTENT_TYPES[kind]}; charset=utf-8"
    return Response(body.encode(), media_type=kind_of, headers=headers)


@router.get(f"{OF}/{{language}}")
async def read_subtitle(
    asset_id: Id,
    language: Language,
    rows: Read,
    parts: P,
    response: Response,
    version: Version = None,
) -> Document:
    """The cues, and whatever of them is hard to read, one by one."""
    asset = await need(rows, asset_id)
    row = await need_text(rows, asset_id, language, made=False)
    found = await text_of(rows, row, version)
    cues = await cues_from(parts, found.text)
    response.headers["ETag"] = f'"{row.version}"'
    return _document(row, found, cues, upright=upright(asset))


def _document(
    row: Subtitle, found: Text, cues: Sequence[Cue], *, upright: bool
) -> Document:
    rules = rules_for(row.language, upright=upright)
    mine = {name: getattr(row, name) for name in Subtitle.model_fields}
    told = ("number", "count", "source", "confidence", "faults")
    return Document.model_construct(
        **mine | {name: getattr(found, name) for name in told},
        cues=[cue_shape(each) for each in cues],
        problems=[fault_shape(each) for each in list(faults(cues, rules))[:TOLD]],
    )


@router.get(f"{OF}/{{language}}/versions")
async def list_versions(asset_id: Id, language: Language, rows: Read) -> TextVersions:
    """The newest first; `counts` marks the one that is shown."""
    await need(rows, asset_id)
    row = await need_text(rows, asset_id, language, made=False)
    found = [TextVersion.model_validate(e) for e in await rows.all(VERSIONS, (row.id,))]
    return TextVersions(
        items=[
            each.model_copy(update={"counts": each.number == row.number})
            for each in found
        ]
    )


@router.post(
    f"{OF}/{{language}}/versions/{{number}}/choose",
    status_code=202,
    response_model=Receipt,
)
async def choose_version(
    asset_id: Id, language: Language, number: int, write: Writes, rows: Read
) -> Response:
    await usable(rows, asset_id)
    row = await need_text(rows, asset_id, language)
    home = Home(write.who.tenant, asset_id, language)
    return await _done(write, rows, home, ChooseSubtitle(number), row.event_id)


@router.post(
    f"{OF}/{{language}}/translate", status_code=202, response_model=SubtitleReceipt
)
async def translate_subtitle(
    asset_id: Id, language: Language, body: Translation, write: Writes, rows: Read
) -> Response:
    """Line by line, at the same times; a version of the other language."""
    if body.to == language:
        raise invalid(
            "/to", "It is in this language.", "Name the language to translate into."
        )
    asset = await usable(rows, asset_id)
    row = await need_text(rows, asset_id, language)
    found = await text_of(rows, row, body.version)
    wish = RequestSubtitle(
        asset_id=asset_id,
        language=body.to,
        source="translation",
        of=found.text,
        model=body.model,
        upright=upright(asset),
    )
    return await _making(write, rows, wish, row.event_id)


async def _done(
    write: Write, rows: Read, home: Home, wish: SubtitleCommand, cause: str
) -> Response:
    own = subtitle_id(home.asset_id, home.language)
    outcome = await decide(write, wish, own, cause=cause)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, own),
        lambda: rows.one("subtitles", Subtitle, own),
    )


async def usable(rows: Read, asset_id: str) -> Asset:
    """Raises Problem 404, or 409 for one in the trash."""
    asset = await need(rows, asset_id)
    if asset.trashed:
        raise conflict("", "The asset is in the trash.", "Restore it first.")
    return asset
