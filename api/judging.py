"""What is thought of a text: lists, likeness, a provider, and a tenant's own words."""

import msgspec

from ai_adapter.moderation.moderator import Opinion
from ai_adapter.moderation.words import OwnWords
from api.rows import Rows
from api.writes import Write
from projections.moderations.query import OWN_WORDS
from schemas.moderation import Flag


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
