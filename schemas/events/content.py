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
    """`translation`: only that failed; the copy is as it was."""

    job_id: str
    code: str
    reason: str
    translation: bool = False


class CopyApproved(Struct, frozen=True, tag="io.contentops.copy.approved.v1"):
    """A person said yes to one text, version `number`; publishing may use it.

    `edited`: changed while saying yes, so it is a version of its own.
    """

    variant: int
    text: str
    number: int = 0
    edited: bool = False


class CopyRevised(Struct, frozen=True, tag="io.contentops.copy.revised.v1"):
    """A new version, after which an approval has to be given anew.

    `kind` is edit, translation or restore, `source` the version it was made of.
    `uses` are the publications that were planned with the text before.
    """

    number: int
    kind: str
    text: str
    lang: str
    source: int
    provider: str = ""
    model_name: str = ""
    prompt_version: str = ""
    job_id: str = ""
    uses: tuple[str, ...] = ()


class CopyTranslationRequested(
    Struct, frozen=True, tag="io.contentops.copy.translation_requested.v1"
):
    number: int
    text: str
    lang: str
    project_id: str = ""
    platform: str = ""
    model: str = "auto"


class CopyUsed(Struct, frozen=True, tag="io.contentops.copy.used.v1"):
    """A publication is planned with it; `changed`: with a text no longer approved."""

    publication_id: str
    changed: bool = False


ProjectEvent: TypeAlias = ProjectCreated | ProjectLimited
CopyEvent: TypeAlias = (
    CopyRequested
    | CopyGenerated
    | CopyFailed
    | CopyApproved
    | CopyRevised
    | CopyTranslationRequested
    | CopyUsed
)
