"""What may have happened to the judgement on a text, and to a tenant's own words."""

from typing import TypeAlias

from msgspec import Struct

from schemas.moderation import Flag, Ruling


class ModerationJudged(Struct, frozen=True, tag="io.contentops.moderation.judged.v1"):
    """`what` is `output` or `publication`, `subject` what the text belongs to.

    `by` are the lists and models that were heard, with their versions. `queued`: a
    person should look at it, because it was flagged or by chance.
    """

    what: str
    subject: str
    text: str
    ruling: Ruling
    platform: str = ""
    flags: tuple[Flag, ...] = ()
    by: tuple[str, ...] = ()
    queued: bool = False


class ModerationAccepted(
    Struct, frozen=True, tag="io.contentops.moderation.accepted.v1"
):
    """The text may go out, whatever was objected to."""

    reason: str


class ModerationRejected(
    Struct, frozen=True, tag="io.contentops.moderation.rejected.v1"
):
    """The text may not go out, even where nothing was objected to."""

    reason: str


class WordsChanged(Struct, frozen=True, tag="io.contentops.wordlist.changed.v1"):
    """Forbidden words block, allowed ones are objected to no more."""

    forbidden: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


ModerationEvent: TypeAlias = ModerationJudged | ModerationAccepted | ModerationRejected
WordlistEvent: TypeAlias = WordsChanged
