"""Moderation: what waits for a person, their decision, own words, and a trial."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from api.deps import Cursor, Limit, Read
from api.judging import flags, opinion
from api.problems import Problem
from api.rows import Rows
from api.shapes import Body, Id, Item, Page, Receipt, Shown
from api.writes import Write, Writes, answer, decide, receipt
from schemas.commands.moderation import DecideModeration, SetWords
from schemas.ids import wordlist_id

router = APIRouter(prefix="/ai/moderation", tags=["ai"])

Word: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Status: TypeAlias = Literal["waiting", "passed", "accepted", "rejected"]


class Trial(Body):
    text: Annotated[str, StringConstraints(min_length=1, max_length=16_000)]
    platform: str = Field(default="", max_length=40)


class NewDecision(Body):
    """`reason` is what whoever asks later reads."""

    accept: bool
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class NewWords(Body):
    """All own words: forbidden ones block, allowed ones are objected to no more."""

    forbidden: list[Word] = Field(default=[], max_length=500)
    allowed: list[Word] = Field(default=[], max_length=500)


class FlagShown(Shown):
    word: str = ""
    category: str = ""
    severity: str = ""
    source: str = ""


class Thought(Shown):
    """`by` are the lists and models that were heard, with their versions."""

    ruling: str
    flags: list[FlagShown]
    by: list[str]


class Judgement(Item):
    what: str = ""
    subject: str = ""
    text: str = ""
    platform: str | None = ""
    ruling: str = ""
    flags: list[FlagShown] = Field(default=[])
    by: list[str] = Field(default=[])
    status: str = ""
    reason: str | None = None
    decided_by: str | None = None


class WordsShown(Item):
    forbidden: list[str] = Field(default=[])
    allowed: list[str] = Field(default=[])


@router.get("/queue")
async def list_queue(
    rows: Read,
    status: Annotated[Status, Query()] = "waiting",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Judgement]:
    """Flagged and blocked texts, and a share of the harmless ones; newest first."""
    return await rows.page(
        "moderations", Judgement, where={"status": status}, cursor=cursor, limit=limit
    )


@router.post("/{moderation_id}/decision", status_code=202, response_model=Receipt)
async def decide_judgement(
    moderation_id: Id, body: NewDecision, write: Writes, rows: Read
) -> Response:
    """Accepting releases the text for its platform; both may be changed later."""
    _admin(write)
    wish = DecideModeration(body.accept, body.reason)
    outcome = await decide(write, wish, moderation_id)
    told = receipt(write, outcome, moderation_id)
    show = lambda: rows.one("moderations", Judgement, moderation_id)  # noqa: E731
    return await answer(write, outcome, told, show)


@router.get("/words")
async def read_words(rows: Read) -> WordsShown:
    return await _words(rows) or WordsShown(id="")


@router.put("/words", status_code=202, response_model=Receipt)
async def set_words(body: NewWords, write: Writes, rows: Read) -> Response:
    _admin(write)
    own = wordlist_id(write.who.tenant)
    wish = SetWords(tuple(body.forbidden), tuple(body.allowed))
    outcome = await decide(write, wish, own)
    return await answer(
        write, outcome, receipt(write, outcome, own), lambda: _words(rows)
    )


@router.post("/check")
async def check_text(body: Trial, write: Writes, rows: Read) -> Thought:
    """What programs think of a text; nothing is recorded."""
    found = await opinion(write, rows, body.text, body.platform)
    return Thought(
        ruling=found.ruling,
        flags=[
            FlagShown.model_validate(msgspec.to_builtins(each)) for each in flags(found)
        ],
        by=list(found.by),
    )


async def _words(rows: Rows) -> WordsShown | None:
    found = await rows.page("wordlists", WordsShown, limit=1)
    return found.items[0] if found.items else None


def _admin(write: Write) -> None:
    if write.who.role != "admin":
        raise Problem(403, "Only an admin decides here.", code="forbidden")
