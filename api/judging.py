"""What is thought of a text: lists, likeness, a provider, and a tenant's own words.

Before a publication is planned its words are judged: what is objected to goes to the
queue and not out, until somebody changes the words or an admin releases them.
"""

import msgspec

from ai_adapter.moderation.moderator import Opinion
from ai_adapter.moderation.words import OwnWords
from api.problems import Fault, Problem
from api.rows import Rows
from api.shapes import Item
from api.writes import Write, append, follow_up
from projections.moderations.query import OWN_WORDS
from schemas.commands.moderation import RecordJudgement
from schemas.ids import event_id, moderation_id
from schemas.jobs import Evidence
from schemas.moderation import Flag

_LONGEST = 16_000
_REMEDY = (
    "Change the words, allow them (PUT /api/v1/ai/moderation/words), or have an admin "
    "release the text (POST {place})."
)


class Earlier(Item):
    """What is known of a text from before."""

    ruling: str = ""
    by: tuple[str, ...] = ()
    status: str = ""


async def own_words(rows: Rows) -> OwnWords:
    found = await rows.all(OWN_WORDS)
    return msgspec.convert(found[0], OwnWords) if found else OwnWords()


async def opinion(write: Write, rows: Rows, text: str, platform: str) -> Opinion:
    """What programs think; nothing is recorded."""
    own = await own_words(rows)
    return await write.parts.moderator.judge(write.who.tenant, text, platform, own)


def flags(found: Opinion) -> tuple[Flag, ...]:
    return tuple(
        Flag(each.word, each.category, each.severity, each.source)
        for each in found.objections
    )


async def evidence(
    write: Write, rows: Rows, words: str, platform: str, subject: str
) -> Evidence:
    """That these words may go out there; raises Problem 422 `moderation_blocked`."""
    text = words[:_LONGEST]
    own = moderation_id(write.who.tenant, platform, text)
    before = await rows.one("moderations", Earlier, own)
    if before is not None and before.status == "accepted":
        return Evidence("moderation.accepted", before.event_id, before.version)
    found = await opinion(write, rows, text, platform)
    if before is not None and before.status == "rejected":
        raise _blocked(own, "An admin rejected these words.")
    wish = RecordJudgement(
        what="publication",
        subject=subject,
        text=text,
        ruling=found.ruling,
        platform=platform,
        flags=flags(found),
        by=found.by,
    )
    told = await _recorded(write, wish, before, own)
    if found.ruling == "block":
        raise _blocked(own, f"These words are not allowed: {_named(found)}.")
    return told


async def _recorded(
    write: Write, wish: RecordJudgement, before: Earlier | None, own: str
) -> Evidence:
    """Names the fact before it is decided: its id follows from the command's.

    Version 0 then means that it was not known yet.
    """
    same = before and (before.ruling, before.by) == (wish.ruling, wish.by)
    if before is not None and same:
        return Evidence("moderation.judged", before.event_id, before.version)
    step = follow_up(write, "judge")
    if not write.repeated:
        await append(step, wish, own)
    return Evidence("moderation.judged", event_id(step.command_id), 0)


def _named(found: Opinion) -> str:
    return ", ".join(
        each.word or each.category
        for each in found.objections
        if each.severity == "block"
    )


def _blocked(own: str, detail: str) -> Problem:
    place = f"/api/v1/ai/moderation/{own}/decision"
    fault = Fault("/copyId", detail, _REMEDY.format(place=place))
    more = {"moderationId": own}
    return Problem(422, detail, fault, code="moderation_blocked", more=more)
