"""Publications: where each one stands, and its own log of what happened to it."""

from collections.abc import Iterable
from typing import assert_never

from msgspec import to_builtins

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.publication import (
    PublicationCleared,
    PublicationDue,
    PublicationEvent,
    PublicationFailed,
    PublicationHandedOff,
    PublicationIntended,
    PublicationMissed,
    PublicationPlanned,
    PublicationPublished,
    PublicationRefused,
    PublicationRejected,
    PublicationScheduled,
    PublicationSubmitted,
    PublicationUnknown,
)
from schemas.registry import Data

PUBLICATIONS = Table("publications", json=frozenset({"problem"}))
PUBLICATION_LOG = Table(
    "publication_log",
    key=("tenant", "publication_id", "version"),
    json=frozenset({"detail"}),
    once=True,
)
# What the plan says stays in the plan's row; repeating it here would double it.
_PLAN_FIELDS_IN_LOG = ("platform", "mode", "title")


def project(record: Record[Data]) -> Iterable[Row]:
    data = record.data
    if not isinstance(data, PublicationEvent):
        return ()
    return row(PUBLICATIONS, record, **_values(data, record)), _entry(record, data)


def _values(event: PublicationEvent, record: Record[Data]) -> dict[str, Value]:
    match event:
        case PublicationPlanned():
            return _planned(event, record)
        case PublicationScheduled(at=at):
            return {"status": "scheduled", "at": at}
        case PublicationDue():
            return {"status": "due"}
        case PublicationMissed():
            return _missed(event)
        case PublicationRefused(code=code, reason=reason):
            return _ended("refused", "refused", code, reason)
        case PublicationFailed(code=code, reason=reason):
            return _ended("failed", "failed", code, reason)
        case PublicationRejected(state=state, code=code, reason=reason):
            return _ended("rejected", state, code, reason)
        case _:
            return _underway(event, record)


_Underway = (
    PublicationIntended
    | PublicationSubmitted
    | PublicationHandedOff
    | PublicationUnknown
    | PublicationCleared
    | PublicationPublished
)


def _underway(event: _Underway, record: Record[Data]) -> dict[str, Value]:
    match event:
        case PublicationIntended():
            return _intended(event, record)
        case PublicationSubmitted(item_id=item_id, link=link):
            return {**_closed("submitted"), "item_id": item_id, "link": link}
        case PublicationPublished(item_id=item_id, link=link):
            return {**_closed("published"), "item_id": item_id, "link": link}
        case PublicationHandedOff():
            return _handed_off(event)
        case PublicationUnknown(settle_after=settle_after, reason=reason):
            return {
                "status": "unknown",
                "settle_after": settle_after,
                "needs_person": True,
                "problem": _problem("unknown", "outcome_unknown", reason),
            }
        case PublicationCleared():
            return _closed("cleared")
        case _:
            assert_never(event)


def _planned(event: PublicationPlanned, record: Record[Data]) -> dict[str, Value]:
    return {
        "project_id": event.project_id,
        "video_id": event.video_id,
        "account_id": event.account_id,
        "platform": event.platform,
        "mode": event.mode,
        "title": event.title,
        "text": event.text,
        "tags": event.tags,
        "mp4_key": event.mp4_key,
        "cover_key": event.cover_key,
        "copy_id": event.copy_id,
        "at": event.schedule.at,
        "local": event.schedule.local,
        "timezone": event.schedule.timezone,
        "status": "planned",
        "needs_person": False,
        "correlation": record.envelope.correlation,
    }


def _intended(event: PublicationIntended, record: Record[Data]) -> dict[str, Value]:
    return {
        "status": "intended",
        "intent_token": event.token,
        "intended_at": record.envelope.time,
        "call_before": event.call_before,
    }


def _handed_off(event: PublicationHandedOff) -> dict[str, Value]:
    return {
        "status": "handed_off",
        "share_id": event.share_id,
        "pack_key": event.pack_key,
        "expires_at": event.expires_at,
        "needs_person": True,
    }


def _missed(event: PublicationMissed) -> dict[str, Value]:
    reason = f"Its time came {event.late_by:.0f} s before anything could be done."
    return {
        "status": "missed",
        "needs_person": True,
        "problem": _problem("missed", "fired_late", reason),
    }


def _closed(status: str) -> dict[str, Value]:
    """No intent is open any more and nobody has to look."""
    return {
        "status": status,
        "intent_token": None,
        "settle_after": None,
        "needs_person": False,
        "problem": None,
    }


def _ended(status: str, state: str, code: str, reason: str) -> dict[str, Value]:
    return {**_closed(status), "problem": _problem(state, code, reason)}


def _problem(state: str, code: str, reason: str) -> dict[str, str]:
    return {"state": state, "code": code, "reason": reason}


def _entry(record: Record[Data], event: PublicationEvent) -> Row:
    detail = to_builtins(event, str_keys=True)
    detail.pop("type", None)
    if isinstance(event, PublicationPlanned):
        detail = {name: detail[name] for name in _PLAN_FIELDS_IN_LOG}
    return Row(
        PUBLICATION_LOG,
        {
            "tenant": record.tenant,
            "publication_id": record.subject_id,
            "version": record.version,
            "type": record.envelope.type,
            "at": record.envelope.time,
            "detail": detail,
        },
    )
