"""A fetched source, or a film, that came with profiles is transcoded at once."""

from collections.abc import Iterable

from schemas.commands.asset import RequestTranscode
from schemas.envelope import Record
from schemas.events.asset import AssetComposed, AssetUploaded
from schemas.ids import derived
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case AssetUploaded(profiles=profiles) if profiles:
            video_id = derived("video", record.subject_id)
            wish = RequestTranscode(video_id=video_id, profiles=profiles)
            yield Reaction(data=wish, aggregate_id=record.subject_id)
        case AssetComposed(profiles=profiles, object_key=key) if profiles:
            video_id = derived("video", record.subject_id, key)
            wish = RequestTranscode(video_id=video_id, profiles=profiles)
            yield Reaction(data=wish, aggregate_id=record.subject_id)
        case _:
            return
