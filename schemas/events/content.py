"""What may have happened to a project and to a copy, from brief to approval."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Usage


class ProjectCreated(Struct, frozen=True, tag="io.contentops.project.created.v1"):
    name: str


class ProjectLimited(Struct, frozen=True, tag="io.contentops.project.limited.v1"):
    asset_bytes: int | None = None
    asset_files: int | None = None


class CopyRequested(Struct, frozen=True, tag="io.contentops.copy.requested.v1"):
    project_id: str
    video_id: str
    task: str
    platform: str
    brief: str
    model: str = "auto"
    lang: str = "zh"
    variants: int = 1


class CopyGenerated(Struct, frozen=True, tag="io.contentops.copy.generated.v1"):
    job_id: str
    variants: tuple[str, ...]
    provider: str
    model_name: str
    usage: Usage
    degraded: bool
    prompt_hash: str
    prompt_version: str
    arm: str = ""


class CopyFailed(Struct, frozen=True, tag="io.contentops.copy.failed.v1"):
    job_id: str
    code: str
    reason: str


class CopyApproved(Struct, frozen=True, tag="io.contentops.copy.approved.v1"):
    """A person said yes to one text; publishing may use it."""

    variant: int
    text: str


ProjectEvent: TypeAlias = ProjectCreated | ProjectLimited
CopyEvent: TypeAlias = CopyRequested | CopyGenerated | CopyFailed | CopyApproved
