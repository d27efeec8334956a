"""What may be wished of a project and of a copy."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Generated


class CreateProject(Struct, frozen=True, tag="io.contentops.project.create.v1"):
    name: str


class LimitProject(Struct, frozen=True, tag="io.contentops.project.limit.v1"):
    """How much its assets may take, all versions counted; None = no limit."""

    asset_bytes: int | None = None
    asset_files: int | None = None


class RequestCopy(Struct, frozen=True, tag="io.contentops.copy.request.v1"):
    project_id: str
    video_id: str
    task: str
    platform: str
    brief: str
    model: str = "auto"
    lang: str = "zh"
    variants: int = 1


class RecordCopy(Struct, frozen=True, tag="io.contentops.copy.record.v1"):
    job_id: str
    result: Generated


class FailCopy(Struct, frozen=True, tag="io.contentops.copy.fail.v1"):
    job_id: str
    code: str
    reason: str


class ApproveCopy(Struct, frozen=True, tag="io.contentops.copy.approve.v1"):
    """`text` set = the person edited the variant before saying yes."""

    variant: int = 0
    text: str = ""


ProjectCommand: TypeAlias = CreateProject | LimitProject
CopyCommand: TypeAlias = RequestCopy | RecordCopy | FailCopy | ApproveCopy
