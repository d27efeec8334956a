"""What may be wished of the judgement on a text, and of a tenant's own words."""

from typing import TypeAlias

from msgspec import Struct

from schemas.moderation import Flag, Ruling


class RecordJudgement(Struct, frozen=True, tag="io.contentops.moderation.judge.v1"):
    """See ModerationJudged; `sampled` puts a harmless text into the queue as well."""

    what: str
    subject: str
    text: str
    ruling: Ruling
    platform: str = ""
    flags: tuple[Flag, ...] = ()
    by: tuple[str, ...] = ()
    sampled: bool = False


class DecideModeration(Struct, frozen=True, tag="io.contentops.moderation.decide.v1"):
    """A person's word ends it; `reason` is for whoever asks later why."""

    accept: bool
    reason: str


class SetWords(Struct, frozen=True, tag="io.contentops.wordlist.set.v1"):
    """All own words of a tenant, in the place of those before."""

    forbidden: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


ModerationCommand: TypeAlias = RecordJudgement | DecideModeration
WordlistCommand: TypeAlias = SetWords
