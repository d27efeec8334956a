"""A planned publication asks its account for a slot, and learns the answer."""

from collections.abc import Iterable

from schemas.commands.account import ReleaseSlot, ReserveSlot
from schemas.commands.publication import RefusePublication, SchedulePublication
from schemas.envelope import Record
from schemas.events.account import SlotGranted, SlotRefused
from schemas.events.publication import (
    PublicationFailed,
    PublicationMissed,
    PublicationPlanned,
    PublicationRefused,
    PublicationRejected,
)
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case PublicationPlanned(account_id=account_id):
            yield Reaction(data=_reserve(record, record.data), aggregate_id=account_id)
        case SlotGranted(publication_id=publication_id):
            yield Reaction(data=SchedulePublication(), aggregate_id=publication_id)
        case SlotRefused(publication_id=publication_id, code=code, reason=reason):
            refuse = RefusePublication(code=code, reason=reason)
            yield Reaction(data=refuse, aggregate_id=publication_id)
        case PublicationRejected() | PublicationFailed() | PublicationMissed():
            release = ReleaseSlot(publication_id=record.subject_id)
            yield Reaction(data=release, aggregate_id=record.data.account_id)
        case PublicationRefused(account_id=account_id) if account_id:
            release = ReleaseSlot(publication_id=record.subject_id)
            yield Reaction(data=release, aggregate_id=account_id)
        case _:
            return


def _reserve(record: Record[Data], plan: PublicationPlanned) -> ReserveSlot:
    return ReserveSlot(
        publication_id=record.subject_id, video_id=plan.video_id, at=plan.schedule.at
    )
