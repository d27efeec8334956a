"""Rules of a publication: nothing goes out twice, nothing is lost without a word.

An *intent* is opened before a submit may be sent, and at most one is open. It closes
when the answer is known. A lost answer leaves the state `unknown`, which only reading
the platform, or a person, can end.
"""

from datetime import timedelta
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.publication import (
    ConfirmPublication,
    FailPublication,
    FirePublication,
    PlanPublication,
    PublicationCommand,
    RecordHandOff,
    RecordIntent,
    RecordNotThere,
    RecordReview,
    RecordSubmission,
    RecordUnknown,
    RefusePublication,
    SchedulePublication,
)
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
from streams.domain.rejected import Rejected, exists, missing

COPY_CHANGED = "copy_changed"
READY = ("due", "cleared")
OPEN = ("intended", "unknown")
AT_PLATFORM = (*OPEN, "submitted", "handed_off", "published")
ENDED = ("published", "rejected", "failed", "refused", "missed")
PROMISED = ("reviewing", "processing")
LONGEST_CALL = timedelta(seconds=15)
"""The request limit and clock slack that may follow `call_before`."""


class Publication(Struct, frozen=True):
    status: str = ""
    planned: PublicationPlanned | None = None
    intent: PublicationIntended | None = None
    lost: PublicationUnknown | None = None
    item_id: str = ""
    link: str = ""

    @property
    def plan(self) -> PublicationPlanned:
        if self.planned is None:
            raise missing("publication")
        return self.planned


initial = Publication()


def decide(command: PublicationCommand, state: Publication) -> PublicationEvent | None:
    match command:
        case PlanPublication():
            return _plan(command, state)
        case SchedulePublication() | RefusePublication() | FirePublication():
            return _wait(command, state)
        case RecordIntent():
            return _intend(command, state)
        case RecordSubmission():
            return _submit(command, state)
        case RecordUnknown() | RecordNotThere():
            return _settle(command, state)
        case RecordHandOff() | RecordReview():
            return _outside(command, state)
        case ConfirmPublication() | FailPublication():
            return _by_hand(command, state)
        case _:
            assert_never(command)


def _plan(command: PlanPublication, state: Publication) -> PublicationEvent | None:
    if not command.title.strip():
        raise Rejected("invalid", "title_empty", "Give it a title.", pointer="/title")
    wanted = PublicationPlanned(
        project_id=command.project_id,
        video_id=command.video_id,
        account_id=command.account_id,
        platform=command.platform,
        mode=command.mode,
        title=command.title,
        text=command.text,
        tags=command.tags,
        mp4_key=command.mp4_key,
        cover_key=command.cover_key,
        copy_id=command.copy_id,
        schedule=command.schedule,
        approval=command.approval,
        material=command.material,
        moderation=command.moderation,
    )
    if not command.approval.event_id:
        raise Rejected(
            "conflict", "approval_missing", "Approve a copy first.", pointer="/copyId"
        )
    if command.moderation is None:
        raise Rejected("conflict", "moderation_missing", "Have its words judged first.")
    if state.planned not in (None, wanted):
        raise exists("publication")
    return wanted if state.planned is None else None


def _wait(
    command: SchedulePublication | RefusePublication | FirePublication,
    state: Publication,
) -> PublicationEvent | None:
    at = state.plan.schedule.at
    match command:
        case SchedulePublication():
            return PublicationScheduled(at=at) if state.status == "planned" else None
        case RefusePublication(code=code, reason=reason):
            return _refuse(code, reason, state)
        case FirePublication():
            armed = state.status == "scheduled" and command.at == at
            return _fire(command, state) if armed else None
        case _:
            assert_never(command)


def _refuse(code: str, reason: str, state: Publication) -> PublicationRefused | None:
    """Before it is due also because the text it was planned with has changed."""
    if code == COPY_CHANGED and state.status in ("planned", "scheduled"):
        return PublicationRefused(code, reason, state.plan.account_id)
    return PublicationRefused(code, reason) if state.status == "planned" else None


def _fire(
    command: FirePublication, state: Publication
) -> PublicationDue | PublicationMissed:
    """Too late is not better than never: a person decides what a late post is worth."""
    plan, at = state.plan, command.at
    fired_at = command.fired_at or at
    late_by = max(0.0, (fired_at - at).total_seconds())
    latest = plan.schedule.not_after or at + timedelta(seconds=command.grace_s)
    if fired_at > latest:
        return PublicationMissed(plan.account_id, at, late_by)
    return PublicationDue(at, late_by)


def _intend(command: RecordIntent, state: Publication) -> PublicationEvent | None:
    if state.plan and state.intent and state.intent.token == command.token:
        return None
    if state.status in OPEN:
        raise Rejected(
            "conflict",
            "intent_open",
            "A submit may already be under way; read the platform first.",
        )
    if state.status not in READY:
        raise Rejected("conflict", f"already_{state.status}", "There is nothing to do.")
    return PublicationIntended(
        token=command.token, job_id=command.job_id, call_before=command.call_before
    )


def _submit(command: RecordSubmission, state: Publication) -> PublicationEvent | None:
    """What the platform holds is a fact, whoever reports it and however late."""
    if state.plan and state.item_id == command.item_id:
        return None
    if state.item_id:
        raise Rejected(
            "conflict",
            "second_item",
            f"The platform already has {state.item_id}; look at {command.item_id}.",
        )
    return PublicationSubmitted(
        item_id=command.item_id,
        link=command.link,
        state=command.state,
        found_by=command.found_by,
    )


def _settle(
    command: RecordUnknown | RecordNotThere, state: Publication
) -> PublicationEvent | None:
    intent = state.intent
    if state.plan and (state.status not in OPEN or intent is None):
        return None
    if intent is None or intent.token != command.token:
        raise Rejected("conflict", "intent_other", "Another intent is open now.")
    if isinstance(command, RecordNotThere):
        return _clear(command, state)
    if state.status == "unknown":
        return None
    return PublicationUnknown(
        token=command.token,
        settle_after=command.settle_after,
        reason=command.reason,
    )


def _clear(command: RecordNotThere, state: Publication) -> PublicationEvent:
    """A "not there" counts only once no submit can still be on its way."""
    if state.lost is None or command.seen_at < state.lost.settle_after:
        raise Rejected(
            "conflict", "too_early", "A submit may still arrive; look again later."
        )
    return PublicationCleared(token=command.token, found_by=command.found_by)


def _outside(
    command: RecordHandOff | RecordReview, state: Publication
) -> PublicationEvent | None:
    if isinstance(command, RecordReview):
        return _review(command, state)
    return _hand_off(command, state)


def _hand_off(command: RecordHandOff, state: Publication) -> PublicationEvent | None:
    if state.plan and state.status not in READY:
        return None
    return PublicationHandedOff(
        job_id=command.job_id,
        pack_key=command.pack_key,
        share_id=command.share_id,
        expires_at=command.expires_at,
    )


def _review(command: RecordReview, state: Publication) -> PublicationEvent | None:
    if state.plan and state.status not in (*AT_PLATFORM, "rejected"):
        return None
    item_id = command.item_id or state.item_id
    if command.state in PROMISED:
        return _promised(command, state, item_id)
    if command.state == "published":
        return _published(state, item_id, command.link, command.found_by)
    if state.status == "rejected":
        return None
    return PublicationRejected(
        account_id=state.plan.account_id,
        state=command.state,
        code=command.code,
        reason=command.reason,
    )


def _promised(
    command: RecordReview, state: Publication, item_id: str
) -> PublicationEvent | None:
    told = state.status == "submitted" and not item_id
    if told or state.item_id or state.status == "published":
        return None
    return PublicationSubmitted(
        item_id=item_id,
        link=command.link,
        state=command.state,
        found_by=command.found_by,
    )


def _published(
    state: Publication, item_id: str, link: str, found_by: str
) -> PublicationEvent | None:
    """Published again only to add what was not known the first time."""
    link = link or state.link
    known = (state.item_id, state.link) == (item_id, link)
    if state.status == "published" and known:
        return None
    return PublicationPublished(item_id=item_id, link=link, found_by=found_by)


def _by_hand(
    command: ConfirmPublication | FailPublication, state: Publication
) -> PublicationEvent | None:
    if isinstance(command, FailPublication):
        return _fail(command, state)
    if state.plan and state.status not in (*AT_PLATFORM, "missed"):
        raise Rejected(
            "conflict",
            "not_waiting",
            f"It is {state.status}; confirm it after it was handed over.",
        )
    if not command.link.startswith(("https://", "http://")):
        raise Rejected("invalid", "link_form", "Paste the https link.", pointer="/link")
    return _published(state, state.item_id, command.link, "person")


def _fail(command: FailPublication, state: Publication) -> PublicationEvent | None:
    account_id = state.plan.account_id
    if state.status in ENDED or state.item_id or state.status == "handed_off":
        return None
    intent = state.intent
    if state.status in OPEN and intent and intent.token != command.token:
        if state.status == "unknown":
            return None
        return PublicationUnknown(
            token=intent.token,
            settle_after=intent.call_before + LONGEST_CALL,
            reason=command.reason,
        )
    return PublicationFailed(
        account_id=account_id, code=command.code, reason=command.reason
    )


def evolve(state: Publication, event: PublicationEvent) -> Publication:
    match event:
        case PublicationPlanned():
            return Publication(status="planned", planned=event)
        case PublicationIntended():
            return replace(state, status="intended", intent=event, lost=None)
        case PublicationUnknown():
            return replace(state, status="unknown", lost=event)
        case PublicationCleared():
            return replace(state, status="cleared", intent=None, lost=None)
        case PublicationSubmitted(item_id=item_id, link=link):
            return replace(state, status="submitted", item_id=item_id, link=link)
        case PublicationPublished(item_id=item_id, link=link):
            return replace(state, status="published", item_id=item_id, link=link)
        case (
            PublicationScheduled()
            | PublicationRefused()
            | PublicationDue()
            | PublicationMissed()
            | PublicationHandedOff()
            | PublicationRejected()
            | PublicationFailed()
        ):
            return replace(state, status=STATUS[type(event)])
        case _:
            assert_never(event)


STATUS: dict[type[PublicationEvent], str] = {
    PublicationScheduled: "scheduled",
    PublicationRefused: "refused",
    PublicationDue: "due",
    PublicationMissed: "missed",
    PublicationHandedOff: "handed_off",
    PublicationRejected: "rejected",
    PublicationFailed: "failed",
}
