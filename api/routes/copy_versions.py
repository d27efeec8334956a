"""Versions of a copy: every text it ever had, what changed, and going back."""

import asyncio
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from api.deps import Read
from api.problems import missing
from api.routes.copies import Copy, Lang, Model, Text, need_copy
from api.rows import Rows
from api.shapes import Body, Id, Item, Receipt, Shown
from api.writes import Write, Writes, answer, decide, receipt
from projections.copies.query import VERSIONS
from schemas.commands.content import EditCopy, RestoreCopy, TranslateCopy

router = APIRouter(prefix="/copies", tags=["copies"])

MOST_BY_CHARACTER = 2_000
Number: TypeAlias = Annotated[int, Path(ge=1, le=1000)]


class Edit(Body):
    text: Text


class Restore(Body):
    number: int = Field(ge=1, le=1000)


class Translate(Body):
    """Of version `number`; without it of the newest one."""

    lang: Lang
    number: int = Field(default=0, ge=0, le=1000)
    model: Model = "auto"


class CopyVersion(Item):
    """`kind` is generation, edit, translation or restore; `source` what it was of."""

    copy_id: str = ""
    number: int = 0
    kind: str = ""
    text: str = ""
    lang: str = ""
    source: int | None = None
    author: str = ""
    provider: str = ""
    model_name: str = ""
    prompt_version: str = ""


class Piece(Shown):
    """`said` is same, gone or new."""

    said: Literal["same", "gone", "new"]
    text: str


class Difference(Shown):
    before: int
    after: int
    pieces: list[Piece]


@router.get("/{copy_id}/versions")
async def list_versions(copy_id: Id, rows: Read) -> list[CopyVersion]:
    """Newest first."""
    await need_copy(rows, copy_id)
    found = await rows.all(VERSIONS, (copy_id,))
    return [CopyVersion.model_validate(each) for each in found]


@router.get("/{copy_id}/versions/{number}")
async def read_version(copy_id: Id, number: Number, rows: Read) -> CopyVersion:
    return await _need(rows, copy_id, number)


@router.get("/{copy_id}/versions/{number}/diff")
async def compare_versions(
    copy_id: Id, number: Number, rows: Read, to: Annotated[int, Query(ge=1)]
) -> Difference:
    """What was taken out of the text of `number` and put in until `to`."""
    old = await _need(rows, copy_id, number)
    new = await _need(rows, copy_id, to)
    found = await asyncio.to_thread(pieces, old.text, new.text)
    return Difference(before=number, after=to, pieces=found)


@router.post("/{copy_id}/edit", status_code=202, response_model=Receipt)
async def edit_copy(copy_id: Id, body: Edit, write: Writes, rows: Read) -> Response:
    """Makes a version; what was approved before has to be approved anew."""
    return await _decided(copy_id, EditCopy(text=body.text), write, rows)


@router.post("/{copy_id}/restore", status_code=202, response_model=Receipt)
async def restore_copy(
    copy_id: Id, body: Restore, write: Writes, rows: Read
) -> Response:
    return await _decided(copy_id, RestoreCopy(number=body.number), write, rows)


@router.post("/{copy_id}/translate", status_code=202, response_model=Receipt)
async def translate_copy(
    copy_id: Id, body: Translate, write: Writes, rows: Read
) -> Response:
    """A task of a model; the version is there when it has ended."""
    wish = TranslateCopy(lang=body.lang, number=body.number, model=body.model)
    return await _decided(copy_id, wish, write, rows)


async def _decided(
    copy_id: str, wish: EditCopy | RestoreCopy | TranslateCopy, write: Write, rows: Rows
) -> Response:
    row = await need_copy(rows, copy_id)
    outcome = await decide(write, wish, copy_id, cause=row.event_id)
    told = receipt(write, outcome, copy_id)
    return await answer(write, outcome, told, lambda: rows.one("copies", Copy, copy_id))


async def _need(rows: Rows, copy_id: str, number: int) -> CopyVersion:
    found = await rows.one("copy_versions", CopyVersion, f"{copy_id}:{number}")
    if found is None:
        raise missing("version")
    return found


def pieces(old: str, new: str) -> list[Piece]:
    """By characters, as Chinese has no spaces; what is long by lines."""
    long = max(len(old), len(new)) > MOST_BY_CHARACTER
    before, after = (
        each.splitlines(keepends=True) if long else list(each) for each in (old, new)
    )
    found: list[Piece] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, *place in matcher.get_opcodes():
        found += _said(kind, before, after, place)
    return found


def _said(
    kind: str, old: Sequence[str], new: Sequence[str], at: Sequence[int]
) -> list[Piece]:
    gone, came = "".join(old[at[0] : at[1]]), "".join(new[at[2] : at[3]])
    if kind == "equal":
        return [Piece(said="same", text=gone)]
    found = [Piece(said="gone", text=gone)] if gone else []
    return [*found, Piece(said="new", text=came)] if came else found
