"""A finished film becomes a body of the asset that is the timeline's composition."""

from collections.abc import Iterable

from schemas.commands.asset import ComposeAsset
from schemas.envelope import Record
from schemas.events.timeline import TimelineRendered
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case TimelineRendered() as film:
            compose = _compose(film, record.subject_id)
            yield Reaction(data=compose, aggregate_id=film.asset_id)
        case _:
            return


def _compose(film: TimelineRendered, timeline_id: str) -> ComposeAsset:
    return ComposeAsset(
        project_id=film.project_id,
        filename=film.filename,
        content_type=film.content_type,
        size=film.size,
        object_key=film.object_key,
        sha256=film.sha256,
        facts=film.facts,
        timeline_id=timeline_id,
        profiles=(film.destination,) if film.destination else (),
    )
