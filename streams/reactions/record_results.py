"""What a job found out is told to the stream that asked for it."""

from collections.abc import Iterable
from typing import TypeAlias

from schemas.batches import Batched
from schemas.commands.asset import (
    CompleteUpload,
    FailCaptions,
    FailImages,
    FailRendition,
    FailTranscode,
    RecordCaptions,
    RecordImages,
    RecordProbe,
    RecordRendition,
    RecordTranscode,
    RefuseAsset,
)
from schemas.commands.content import FailCopy, RecordCopy
from schemas.commands.publication import FailPublication
from schemas.commands.subtitle import FailSubtitle, RecordSubtitle
from schemas.commands.timeline import FailRender, RecordRender
from schemas.envelope import Record
from schemas.events.job import (
    JobAbandoned,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobLost,
)
from schemas.jobs import (
    Captioned,
    CaptionInput,
    Fetched,
    FetchInput,
    Generated,
    GenerateInput,
    JobInput,
    Probed,
    ProbeInput,
    Remade,
    RemakeInput,
    Rendered,
    RenderInput,
    Settled,
    Subtitled,
    SubtitleInput,
    Transcoded,
    TranscodeInput,
    TranslateInput,
)
from schemas.pictures import Imaged, ImagesInput
from schemas.publishing import PublishInput
from schemas.registry import Command, Data
from schemas.vectors import Vectored
from streams.reactions.reaction import Reaction

Unfinished: TypeAlias = JobFailed | JobLost | JobCancelled | JobAbandoned


def react(record: Record[Data]) -> Iterable[Reaction]:
    event, job_id = record.data, record.subject_id
    over = ended(event)
    if isinstance(event, JobCompleted):
        wish, subject = _found(event, job_id), event.subject
    elif over is not None:
        wish, subject = _failed(over, job_id), over.subject
    else:
        return
    if wish is not None:
        yield Reaction(data=wish, aggregate_id=subject.partition("/")[2])


def ended(event: Data) -> Unfinished | None:
    """The event itself where it ends a job without a result."""
    match event:
        case JobFailed(retry_at=None) | JobLost() | JobCancelled() | JobAbandoned():
            return event
        case _:
            return None


def _found(event: JobCompleted, job_id: str) -> Command | None:
    match event.result:
        case Fetched(size=size, sha256=sha256, content_type=content_type):
            return CompleteUpload(size=size, sha256=sha256, content_type=content_type)
        case Probed(facts=facts, number=number):
            return RecordProbe(job_id=job_id, facts=facts, number=number)
        case Transcoded():
            return RecordTranscode(job_id=job_id, result=event.result)
        case Imaged() | Rendered() | Subtitled() | Captioned() | Remade():
            return _made(event.result, job_id)
        case Generated() if event.subject.startswith("copy/"):
            return RecordCopy(job_id=job_id, result=event.result)
        case Generated() | Batched() | Settled() | Vectored():
            return None


def _made(
    result: Imaged | Rendered | Subtitled | Captioned | Remade, job_id: str
) -> Command:
    match result:
        case Imaged():
            return RecordImages(job_id=job_id, result=result)
        case Rendered():
            return RecordRender(job_id=job_id, result=result)
        case Subtitled():
            return RecordSubtitle(job_id=job_id, result=result)
        case Captioned():
            return RecordCaptions(job_id=job_id, result=result)
        case Remade():
            return RecordRendition(job_id=job_id, result=result)


def _failed(event: Unfinished, job_id: str) -> Command | None:
    code, reason = why(event)
    match event.input:
        case ProbeInput(number=number):
            return RefuseAsset(job_id=job_id, code=code, reason=reason, number=number)
        case FetchInput():
            return RefuseAsset(job_id=job_id, code=code, reason=reason)
        case GenerateInput() if event.subject.startswith("copy/"):
            return FailCopy(job_id=job_id, code=code, reason=reason)
        case PublishInput():
            return FailPublication(code=code, reason=reason)
        case _:
            return _unmade(event.input, job_id, code, reason)


def _unmade(given: JobInput, job_id: str, code: str, reason: str) -> Command | None:
    """What was to be made of an asset, and is not."""
    match given:
        case TranscodeInput(video_id=video_id):
            return FailTranscode(
                job_id=job_id, video_id=video_id, code=code, reason=reason
            )
        case ImagesInput(images_id=images_id):
            return FailImages(
                job_id=job_id, images_id=images_id, code=code, reason=reason
            )
        case RenderInput(render_id=render_id):
            return FailRender(
                job_id=job_id, render_id=render_id, code=code, reason=reason
            )
        case SubtitleInput() | TranslateInput():
            return FailSubtitle(job_id=job_id, code=code, reason=reason)
        case CaptionInput(video_id=video_id, texts=texts):
            return FailCaptions(job_id, video_id, texts, code, reason)
        case RemakeInput(name=name, wish=wish):
            return FailRendition(job_id, wish.video_id, name, code, reason)
        case _:
            return None


def why(event: Unfinished) -> tuple[str, str]:
    match event:
        case JobFailed(code=code, reason=reason):
            return code, reason
        case JobLost(deaths=deaths):
            return "job_lost", f"{deaths} workers died with it; ask a person to look."
        case JobCancelled(reason=reason):
            return "cancelled", reason or "Cancelled on request."
        case JobAbandoned(parent=parent, outcome=outcome):
            return "parent_failed", f"Job {parent}, which it comes after, is {outcome}."
