"""Rules of a copy: a brief, the texts a model answered, and a person's yes."""

from typing import assert_never

from msgspec import Struct

from schemas.commands.content import (
    ApproveCopy,
    CopyCommand,
    FailCopy,
    RecordCopy,
    RequestCopy,
)
from schemas.events.content import (
    CopyApproved,
    CopyEvent,
    CopyFailed,
    CopyGenerated,
    CopyRequested,
)
from streams.domain.rejected import Rejected, exists, missing

BRIEF_LIMIT = 20_000


class Copy(Struct, frozen=True):
    requested: CopyRequested | None = None
    variants: tuple[str, ...] = ()
    approved: CopyApproved | None = None
    failed: bool = False


initial = Copy()


def decide(command: CopyCommand, copy: Copy) -> CopyEvent | None:
    if isinstance(command, RequestCopy):
        return _request(command, copy)
    if copy.requested is None:
        raise missing("copy")
    match command:
        case RecordCopy():
            return None if copy.variants else _generated(command)
        case FailCopy(job_id=job_id, code=code, reason=reason):
            if copy.variants or copy.failed:
                return None
            return CopyFailed(job_id=job_id, code=code, reason=reason)
        case ApproveCopy():
            return _approve(command, copy)
        case _:
            assert_never(command)


def _request(command: RequestCopy, copy: Copy) -> CopyEvent | None:
    if not command.brief.strip() or len(command.brief) > BRIEF_LIMIT:
        raise Rejected(
            "invalid",
            "brief_length",
            f"A brief has 1 to {BRIEF_LIMIT} characters.",
            pointer="/brief",
        )
    wanted = CopyRequested(
        project_id=command.project_id,
        video_id=command.video_id,
        task=command.task,
        platform=command.platform,
        brief=command.brief,
        model=command.model,
        lang=command.lang,
        variants=command.variants,
    )
    if copy.requested not in (None, wanted):
        raise exists("copy")
    return wanted if copy.requested is None else None


def _generated(command: RecordCopy) -> CopyGenerated:
    result = command.result
    return CopyGenerated(
        job_id=command.job_id,
        variants=result.output,
        provider=result.provider,
        model_name=result.model_name,
        usage=result.usage,
        degraded=result.degraded,
        prompt_hash=result.prompt_hash,
        prompt_version=result.prompt_version,
        arm=result.arm,
    )


def _approve(command: ApproveCopy, copy: Copy) -> CopyEvent | None:
    if not copy.variants:
        raise Rejected(
            "conflict",
            "copy_not_ready",
            "Wait until the text is generated, then approve it.",
        )
    if not 0 <= command.variant < len(copy.variants):
        raise Rejected(
            "invalid",
            "variant_unknown",
            f"Choose a variant from 0 to {len(copy.variants) - 1}.",
            pointer="/variant",
        )
    text = command.text or copy.variants[command.variant]
    wanted = CopyApproved(variant=command.variant, text=text)
    return None if copy.approved == wanted else wanted


def evolve(copy: Copy, event: CopyEvent) -> Copy:
    match event:
        case CopyRequested():
            return Copy(requested=event)
        case CopyGenerated(variants=variants):
            return Copy(requested=copy.requested, variants=variants)
        case CopyFailed():
            return Copy(requested=copy.requested, failed=True)
        case CopyApproved():
            return Copy(
                requested=copy.requested, variants=copy.variants, approved=event
            )
        case _:
            assert_never(event)
