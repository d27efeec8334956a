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
    """`text` set = the person edited the variant before saying yes.

    `number` names a version instead of a variant; 0 = the variant counts.
    """

    variant: int = 0
    text: str = ""
    number: int = 0


class EditCopy(Struct, frozen=True, tag="io.contentops.copy.edit.v1"):
    text: str


class RestoreCopy(Struct, frozen=True, tag="io.contentops.copy.restore.v1"):
    """The text of an earlier version becomes the newest one."""

    number: int


class TranslateCopy(Struct, frozen=True, tag="io.contentops.copy.translate.v1"):
    """Of version `number`; 0 = the newest."""

    lang: str
    number: int = 0
    model: str = "auto"


class UseCopy(Struct, frozen=True, tag="io.contentops.copy.use.v1"):
    """Sent for a planned publication; `text` is what it is going to show."""

    publication_id: str
    text: str


ProjectCommand: TypeAlias = CreateProject | LimitProject
CopyCommand: TypeAlias = (
    RequestCopy
    | RecordCopy
    | FailCopy
    | ApproveCopy
    | EditCopy
    | RestoreCopy
    | TranslateCopy
    | UseCopy
)
