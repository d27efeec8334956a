"""Events that need work outside the log become jobs."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.commands.job import RequestJob
from schemas.envelope import Record
from schemas.events.asset import (
    AssetImportRequested,
    AssetPurged,
    AssetTranscoded,
    AssetUploadAbandoned,
    AssetUploaded,
    CaptionsFailed,
    CaptionsRequested,
    CoverChosen,
    ImagesFailed,
    ImagesRequested,
    RenditionFailed,
    RenditionRequested,
    TranscodeFailed,
    TranscodeRequested,
)
from schemas.events.content import CopyRequested, CopyTranslationRequested
from schemas.events.publication import (
    PublicationCleared,
    PublicationDue,
    PublicationSubmitted,
    PublicationUnknown,
)
from schemas.events.subtitle import SubtitleRequested
from schemas.events.timeline import TimelineRenderRequested
from schemas.ids import derived
from schemas.jobs import (
    CaptionInput,
    FetchInput,
    GenerateInput,
    JobInput,
    ProbeInput,
    PurgeInput,
    RemakeInput,
    RenderInput,
    SubtitleInput,
    TranscodeInput,
    TranslateInput,
)
from schemas.pictures import ImagesInput
from schemas.publishing import PublishInput, ReviewInput, SettleInput
from schemas.registry import Data, encode
from streams.domain.asset_images import covers_id
from streams.reactions.reaction import Reaction

REVIEW_AFTER = timedelta(seconds=30)
REVIEW_ATTEMPTS = 100
TRUE_TO_TEXT = 0.2
TRANSLATION_TOKENS = 8_000
SETTLE_ATTEMPTS = 20
# Deleting is repeated until the store is back, for about a week.
PURGE_ATTEMPTS = 100
# Covers in all shapes are wanted later than anything that somebody asked for.
COVERS_PRIORITY = -5


def react(record: Record[Data]) -> Iterable[Reaction]:
    job = _job(record)
    if job is not None:
        yield Reaction(data=job, aggregate_id=derived("job", record.envelope.id))


def _job(record: Record[Data]) -> RequestJob | None:
    match record.data:
        case (
            AssetUploaded()
            | AssetImportRequested()
            | TranscodeRequested()
            | ImagesRequested()
            | TimelineRenderRequested()
            | CaptionsRequested()
            | RenditionRequested()
        ):
            return _request(record, "media", _media(record.data))
        case AssetTranscoded(cover_key=key) | CoverChosen(cover_key=key) if key:
            covers = _covers(record.data)
            return _request(record, "media", covers, priority=COVERS_PRIORITY)
        case (
            AssetPurged()
            | AssetUploadAbandoned()
            | TranscodeFailed(code="asset_purged")
            | ImagesFailed(code="asset_purged")
            | CaptionsFailed(code="asset_purged")
            | RenditionFailed(code="asset_purged")
        ):
            purge = _purge(record.data, record.subject_id)
            return _request(record, "media", purge, max_attempts=PURGE_ATTEMPTS)
        case CopyRequested() | CopyTranslationRequested() | SubtitleRequested():
            return _worded(record, record.data)
        case PublicationDue() | PublicationCleared():
            return _request(record, "publish", PublishInput(record.subject_id))
        case PublicationUnknown(settle_after=settle_after):
            settle = SettleInput(record.subject_id)
            return _request(
                record,
                "publish",
                settle,
                not_before=settle_after,
                max_attempts=SETTLE_ATTEMPTS,
            )
        case PublicationSubmitted():
            return _review(record, record.data)
        case _:
            return None


def _worded(
    record: Record[Data],
    event: CopyRequested | CopyTranslationRequested | SubtitleRequested,
) -> RequestJob:
    if not isinstance(event, SubtitleRequested):
        return _request(record, "ai", _generate(event))
    role = "media" if event.of is None else "ai"
    return _request(record, role, _subtitle(event))


def _media(
    event: AssetUploaded
    | AssetImportRequested
    | TranscodeRequested
    | ImagesRequested
    | TimelineRenderRequested
    | CaptionsRequested
    | RenditionRequested,
) -> JobInput:
    match event:
        case RenditionRequested():
            return _remake(event)
        case CaptionsRequested(
            video_id=video_id, mp4_key=mp4, hls_key=hls, texts=texts
        ):
            return CaptionInput(video_id, mp4, hls, texts)
        case AssetImportRequested():
            return FetchInput(source=event.source, object_key=event.object_key)
        case AssetUploaded():
            return ProbeInput(event.object_key, event.sha256, event.number)
        case TranscodeRequested():
            return TranscodeInput(
                video_id=event.video_id,
                object_key=event.object_key,
                sha256=event.sha256,
                profiles=event.profiles,
                needs=event.needs,
                burn=event.burn,
                public=event.public,
            )
        case ImagesRequested():
            return _images(event)
        case TimelineRenderRequested():
            return _render(event)


def _remake(event: RenditionRequested) -> RemakeInput:
    return RemakeInput(
        name=event.name,
        wish=event.wish,
        mp4_key=event.mp4_key,
        hls_key=event.hls_key,
        shown_mp4=event.shown_mp4,
        shown_hls=event.shown_hls,
        renditions=event.renditions,
        texts=event.texts,
    )


def _images(event: ImagesRequested) -> ImagesInput:
    return ImagesInput(
        images_id=event.images_id,
        object_key=event.object_key,
        sha256=event.sha256,
        wishes=event.wishes,
        video_id=event.video_id,
        at=event.at,
        cover=event.cover,
    )


def _covers(event: AssetTranscoded | CoverChosen) -> ImagesInput:
    return ImagesInput(
        images_id=covers_id(event.video_id, event.cover_key),
        object_key=event.cover_key,
        video_id=event.video_id,
    )


def _purge(
    event: (
        AssetPurged
        | AssetUploadAbandoned
        | TranscodeFailed
        | ImagesFailed
        | CaptionsFailed
        | RenditionFailed
    ),
    asset_id: str,
) -> PurgeInput:
    match event:
        case (
            TranscodeFailed(video_id=video_id)
            | CaptionsFailed(video_id=video_id)
            | RenditionFailed(video_id=video_id)
        ):
            return PurgeInput(object_keys=(), video_ids=(video_id,))
        case ImagesFailed(images_id=images_id):
            return PurgeInput(object_keys=(), image_ids=(images_id,))
        case AssetUploadAbandoned(object_keys=keys):
            return PurgeInput(object_keys=keys)
        case AssetPurged():
            return PurgeInput(
                object_keys=event.object_keys,
                video_ids=event.video_ids,
                image_ids=event.image_ids,
                asset_id=asset_id,
            )


def _subtitle(event: SubtitleRequested) -> JobInput:
    if event.of is not None:
        return TranslateInput(
            asset_id=event.asset_id,
            text=event.of,
            language=event.language,
            model=event.model,
            upright=event.upright,
        )
    return SubtitleInput(
        asset_id=event.asset_id,
        object_key=event.object_key,
        sha256=event.sha256,
        language=event.language,
        source=event.source,
        script_key=event.script_key,
        script_sha256=event.script_sha256,
    )


def _render(event: TimelineRenderRequested) -> RenderInput:
    return RenderInput(
        render_id=event.render_id,
        asset_id=event.asset_id,
        document=event.document,
        materials=event.materials,
        destination=event.destination,
    )


def _generate(event: CopyRequested | CopyTranslationRequested) -> GenerateInput:
    if isinstance(event, CopyTranslationRequested):
        return GenerateInput(
            task="translate",
            model=event.model,
            input=(event.text,),
            lang=event.lang,
            platform=event.platform,
            temperature=TRUE_TO_TEXT,
            max_tokens=TRANSLATION_TOKENS,
        )
    return GenerateInput(
        task=event.task,
        model=event.model,
        input=(event.brief,),
        lang=event.lang,
        platform=event.platform,
        variants=event.variants,
    )


def _review(record: Record[Data], event: PublicationSubmitted) -> RequestJob:
    """Polling is slow and steady; a webhook shortens it and never replaces it."""
    return _request(
        record,
        "publish",
        ReviewInput(publication_id=record.subject_id, item_id=event.item_id),
        not_before=record.envelope.time + REVIEW_AFTER,
        max_attempts=REVIEW_ATTEMPTS,
    )


def _request(
    record: Record[Data],
    role: str,
    given: JobInput,
    *,
    not_before: datetime | None = None,
    max_attempts: int = 3,
    priority: int = 0,
) -> RequestJob:
    return RequestJob(
        role=role,
        subject=record.envelope.subject,
        input=given,
        digest=derived("digest", record.envelope.id, encode(given).decode()),
        not_before=not_before,
        max_attempts=max_attempts,
        needs=getattr(record.data, "needs", ()),
        project_id=getattr(record.data, "project_id", ""),
        requested_by=record.envelope.auth_id,
        priority=priority,
    )
