"""Judgements with a person's decision, and the own words of each tenant."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.moderation import (
    ModerationAccepted,
    ModerationJudged,
    ModerationRejected,
    WordsChanged,
)
from schemas.registry import Data

MODERATIONS = Table("moderations", json=frozenset({"flags", "by"}))
WORDLISTS = Table("wordlists", json=frozenset({"forbidden", "allowed"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case ModerationJudged() as judged:
            return (_judged(record, judged),)
        case ModerationAccepted(reason=reason):
            return (_decided(record, "accepted", reason),)
        case ModerationRejected(reason=reason):
            return (_decided(record, "rejected", reason),)
        case WordsChanged(forbidden=forbidden, allowed=allowed):
            return (row(WORDLISTS, record, forbidden=forbidden, allowed=allowed),)
        case _:
            return ()


def _judged(record: Record[Data], event: ModerationJudged) -> Row:
    return row(
        MODERATIONS,
        record,
        what=event.what,
        subject=event.subject,
        text=event.text,
        platform=event.platform,
        ruling=event.ruling,
        flags=event.flags,
        by=event.by,
        status="waiting" if event.queued else "passed",
    )


def _decided(record: Record[Data], status: str, reason: str) -> Row:
    by = record.envelope.auth_id
    return row(MODERATIONS, record, status=status, reason=reason, decided_by=by)
