"""What may be wished of a timeline."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Rendered
from schemas.timeline import Material, Timeline


class CreateTimeline(Struct, frozen=True, tag="io.contentops.timeline.create.v1"):
    project_id: str
    title: str
    document: Timeline


class SaveTimeline(Struct, frozen=True, tag="io.contentops.timeline.save.v1"):
    title: str
    document: Timeline


class RequestRender(
    Struct, frozen=True, tag="io.contentops.timeline.request_render.v1"
):
    """Of this very document; `materials` are its files as they are now."""

    render_id: str
    asset_id: str
    number: int
    materials: tuple[Material, ...]
    destination: str = ""


class RecordRender(Struct, frozen=True, tag="io.contentops.timeline.record_render.v1"):
    job_id: str
    result: Rendered


class FailRender(Struct, frozen=True, tag="io.contentops.timeline.fail_render.v1"):
    job_id: str
    render_id: str
    code: str
    reason: str


TimelineCommand: TypeAlias = (
    CreateTimeline | SaveTimeline | RequestRender | RecordRender | FailRender
)
