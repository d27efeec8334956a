"""What may have happened to a timeline, from its first document to finished films.

`number` counts its documents; the first is 1.
"""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import MediaFacts
from schemas.timeline import Cue, Material, Timeline


class TimelineCreated(Struct, frozen=True, tag="io.contentops.timeline.created.v1"):
    project_id: str
    title: str
    document: Timeline


class TimelineSaved(Struct, frozen=True, tag="io.contentops.timeline.saved.v1"):
    """The whole document, not a change of it."""

    title: str
    document: Timeline
    number: int


class TimelineRenderRequested(
    Struct, frozen=True, tag="io.contentops.timeline.render_requested.v1"
):
    """The document as it was, and the files that it meant at that moment.

    `destination` empty = the master, which bears nobody's marks.
    """

    render_id: str
    asset_id: str
    number: int
    document: Timeline
    materials: tuple[Material, ...]
    destination: str = ""


class TimelineRendered(Struct, frozen=True, tag="io.contentops.timeline.rendered.v1"):
    """The film lies in the store; the asset that it becomes a body of learns of it."""

    job_id: str
    render_id: str
    asset_id: str
    project_id: str
    filename: str
    object_key: str
    size: int
    sha256: str
    content_type: str
    facts: MediaFacts
    destination: str = ""
    cues: tuple[Cue, ...] = ()
    weighted_seconds: float = 0.0


class TimelineRenderFailed(
    Struct, frozen=True, tag="io.contentops.timeline.render_failed.v1"
):
    job_id: str
    render_id: str
    code: str
    reason: str


TimelineEvent: TypeAlias = (
    TimelineCreated
    | TimelineSaved
    | TimelineRenderRequested
    | TimelineRendered
    | TimelineRenderFailed
)
