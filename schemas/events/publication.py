"""What may have happened to a publication, from plan to public or to a plain no."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Evidence, Schedule


class PublicationPlanned(
    Struct, frozen=True, tag="io.contentops.publication.planned.v1"
):
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


class PublicationScheduled(
    Struct, frozen=True, tag="io.contentops.publication.scheduled.v1"
):
    """The account granted a slot; the timer fires at `at`."""

    at: datetime


class PublicationRefused(
    Struct, frozen=True, tag="io.contentops.publication.refused.v1"
):
    """`account_id` is set where it had, or may get, a slot there."""

    code: str
    reason: str
    account_id: str = ""


class PublicationDue(Struct, frozen=True, tag="io.contentops.publication.due.v1"):
    """`late_by` is how many seconds after `at` the timer fired."""

    at: datetime
    late_by: float = 0.0


class PublicationMissed(Struct, frozen=True, tag="io.contentops.publication.missed.v1"):
    """The timer fired so late that a person has to say whether it still should go."""

    account_id: str
    at: datetime
    late_by: float


class PublicationIntended(
    Struct, frozen=True, tag="io.contentops.publication.intended.v1"
):
    """A submit may be sent until `call_before`, by the holder of `token` alone."""

    token: str
    job_id: str
    call_before: datetime


class PublicationSubmitted(
    Struct, frozen=True, tag="io.contentops.publication.submitted.v1"
):
    item_id: str
    link: str
    state: str
    found_by: str


class PublicationHandedOff(
    Struct, frozen=True, tag="io.contentops.publication.handed_off.v1"
):
    """A person goes on from here; the pack in the store holds the signed link."""

    job_id: str
    pack_key: str
    share_id: str
    expires_at: datetime


class PublicationUnknown(
    Struct, frozen=True, tag="io.contentops.publication.unknown.v1"
):
    """The answer to a submit was lost; only reading the platform settles it."""

    token: str
    settle_after: datetime
    reason: str


class PublicationCleared(
    Struct, frozen=True, tag="io.contentops.publication.cleared.v1"
):
    """The platform was read and has nothing: the intent is closed."""

    token: str
    found_by: str


class PublicationPublished(
    Struct, frozen=True, tag="io.contentops.publication.published.v1"
):
    item_id: str
    link: str
    found_by: str


class PublicationRejected(
    Struct, frozen=True, tag="io.contentops.publication.rejected.v1"
):
    """The platform's own code and words, verbatim."""

    account_id: str
    state: str
    code: str
    reason: str


class PublicationFailed(Struct, frozen=True, tag="io.contentops.publication.failed.v1"):
    account_id: str
    code: str
    reason: str


PublicationEvent: TypeAlias = (
    PublicationPlanned
    | PublicationScheduled
    | PublicationRefused
    | PublicationDue
    | PublicationMissed
    | PublicationIntended
    | PublicationSubmitted
    | PublicationHandedOff
    | PublicationUnknown
    | PublicationCleared
    | PublicationPublished
    | PublicationRejected
    | PublicationFailed
)
