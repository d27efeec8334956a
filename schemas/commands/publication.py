"""What may be wished of a publication."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Evidence, Schedule


class PlanPublication(Struct, frozen=True, tag="io.contentops.publication.plan.v1"):
    """`moderation` is what was judged of title, text and tags for this platform.

    Without it the plan is refused; only facts from before there was one go without.
    """

    project_id: str
    video_id: str
    account_id: str
    platform: str
    mode: str
    title: str
    text: str
    tags: tuple[str, ...]
    mp4_key: str
    cover_key: str
    copy_id: str
    schedule: Schedule
    approval: Evidence
    material: Evidence
    moderation: Evidence | None = None


class SchedulePublication(
    Struct, frozen=True, tag="io.contentops.publication.schedule.v1"
):
    pass


class RefusePublication(Struct, frozen=True, tag="io.contentops.publication.refuse.v1"):
    code: str
    reason: str


class FirePublication(Struct, frozen=True, tag="io.contentops.publication.fire.v1"):
    """Sent by the dispatcher when the timer is due; `at` is the timer's instant.

    Fired more than `grace_s` seconds later it is missed; without `fired_at`: in time.
    """

    at: datetime
    fired_at: datetime | None = None
    grace_s: float = 3600.0


class RecordIntent(Struct, frozen=True, tag="io.contentops.publication.intend.v1"):
    token: str
    job_id: str
    call_before: datetime


class RecordSubmission(Struct, frozen=True, tag="io.contentops.publication.submit.v1"):
    """`token` is empty when the item was found by reading, not by our own call."""

    item_id: str
    link: str
    state: str
    found_by: str
    token: str = ""


class RecordHandOff(Struct, frozen=True, tag="io.contentops.publication.hand_off.v1"):
    job_id: str
    pack_key: str
    share_id: str
    expires_at: datetime


class RecordUnknown(Struct, frozen=True, tag="io.contentops.publication.lose.v1"):
    token: str
    settle_after: datetime
    reason: str


class RecordNotThere(Struct, frozen=True, tag="io.contentops.publication.clear.v1"):
    """Accepted only for the open intent and only when `seen_at` is late enough."""

    token: str
    seen_at: datetime
    found_by: str


class RecordReview(Struct, frozen=True, tag="io.contentops.publication.review.v1"):
    """What the platform says now: its state, and its own code and words."""

    state: str
    item_id: str
    link: str = ""
    code: str = ""
    reason: str = ""
    found_by: str = "webhook"


class ConfirmPublication(
    Struct, frozen=True, tag="io.contentops.publication.confirm.v1"
):
    """A person published it by hand and pastes the link back."""

    link: str


class FailPublication(Struct, frozen=True, tag="io.contentops.publication.fail.v1"):
    """`token` is the open intent's when the platform itself said no to it.

    Without it an open intent stays open: what became of it has to be read first.
    """

    code: str
    reason: str
    token: str = ""


PublicationCommand: TypeAlias = (
    PlanPublication
    | SchedulePublication
    | RefusePublication
    | FirePublication
    | RecordIntent
    | RecordSubmission
    | RecordHandOff
    | RecordUnknown
    | RecordNotThere
    | RecordReview
    | ConfirmPublication
    | FailPublication
)
