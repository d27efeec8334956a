"""A fetched source that came with profiles is transcoded as soon as it is here."""

from collections.abc import Iterable

from schemas.commands.asset import RequestTranscode
from schemas.envelope import Record
from schemas.events.asset import AssetUploaded
from schemas.ids import derived
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case AssetUploaded(profiles=profiles) if profiles:
            video_id = derived("video", record.subject_id)
            wish = RequestTranscode(video_id=video_id, profiles=profiles)
            yield Reaction(data=wish, aggregate_id=record.subject_id)
        case _:
            return
