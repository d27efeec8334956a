"""Videos: what an asset was turned into; written from the asset's stream."""

from collections.abc import Iterable

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.asset import (
    AssetCaptioned,
    AssetTranscoded,
    CaptionsFailed,
    CaptionsRequested,
    CoverChosen,
    ImagesMade,
    RenditionFailed,
    RenditionRemade,
    RenditionRequested,
    TranscodeFailed,
    TranscodeRequested,
)
from schemas.ids import derived
from schemas.registry import Data
from streams.domain.asset_images import covers_id

VIDEOS = Table(
    "videos", json=frozenset({"renditions", "problem", "covers", "captions"})
)


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case TranscodeRequested() as wanted:
            return (_wanted(record, wanted),)
        case AssetTranscoded() as finished:
            return (_finished(record, finished),)
        case CoverChosen(video_id=video_id, cover_key=cover_key):
            pictures = covers_id(video_id, cover_key)
            return (_covered(record, video_id, cover_key, pictures),)
        case ImagesMade(cover_key=cover_key) as made if cover_key:
            return (_covered(record, made.video_id, cover_key, made.images_id),)
        case CaptionsRequested() | AssetCaptioned() | CaptionsFailed():
            return (_captioned(record, record.data),)
        case RenditionRequested() | RenditionRemade() | RenditionFailed():
            return (_remade(record, record.data),)
        case TranscodeFailed(video_id=video_id, code=code, reason=reason):
            return (
                row(
                    VIDEOS,
                    record,
                    id=video_id,
                    status="failed",
                    problem={"code": code, "reason": reason},
                ),
            )
        case _:
            return ()


def _wanted(record: Record[Data], event: TranscodeRequested) -> Row:
    return row(
        VIDEOS,
        record,
        id=event.video_id,
        asset_id=record.subject_id,
        status="processing",
        profiles=event.profiles,
        job_id=derived("job", record.envelope.id),
        problem=None,
    )


def _covered(record: Record[Data], video_id: str, cover_key: str, pictures: str) -> Row:
    """`pictures_id` names the set of the cover in all the shapes of destinations."""
    return row(VIDEOS, record, id=video_id, cover_key=cover_key, pictures_id=pictures)


def _finished(record: Record[Data], event: AssetTranscoded) -> Row:
    return row(
        VIDEOS,
        record,
        id=event.video_id,
        asset_id=record.subject_id,
        status="ready",
        mp4_key=event.mp4_key,
        hls_key=event.hls_key,
        cover_key=event.cover_key,
        width=event.facts.width,
        height=event.facts.height,
        bit_rate=event.facts.bit_rate,
        duration_ms=event.facts.duration_ms,
        renditions=event.renditions,
        covers=event.covers,
        pictures_id=covers_id(event.video_id, event.cover_key),
        thumbnails_key=event.thumbnails_key,
        waveform_key=event.waveform_key,
        job_id=event.job_id,
        problem=None,
    )


def _captioned(
    record: Record[Data], event: CaptionsRequested | AssetCaptioned | CaptionsFailed
) -> Row:
    """A video without new words is as good as it was, and says why it has none."""
    video_id = event.video_id
    match event:
        case CaptionsRequested():
            job_id = derived("job", record.envelope.id)
            return row(VIDEOS, record, id=video_id, captions_job_id=job_id)
        case AssetCaptioned():
            return row(
                VIDEOS,
                record,
                id=video_id,
                mp4_key=event.mp4_key,
                hls_key=event.hls_key,
                captions=event.texts,
                problem=None,
            )
        case CaptionsFailed(code=code, reason=reason):
            problem = {"code": code, "reason": reason}
            return row(VIDEOS, record, id=video_id, problem=problem)


def _remade(
    record: Record[Data], event: RenditionRequested | RenditionRemade | RenditionFailed
) -> Row:
    """A video whose rendition could not be made again is as good as it was."""
    video_id = event.video_id
    match event:
        case RenditionRequested():
            job_id = derived("job", record.envelope.id)
            return row(VIDEOS, record, id=video_id, rendition_job_id=job_id)
        case RenditionRemade():
            return row(VIDEOS, record, id=video_id, problem=None, **_shown(event))
        case RenditionFailed(code=code, reason=reason):
            problem = {"code": code, "reason": reason}
            return row(VIDEOS, record, id=video_id, problem=problem)


def _shown(event: RenditionRemade) -> dict[str, Value]:
    keys: dict[str, Value] = {"mp4_key": event.shown_mp4, "hls_key": event.shown_hls}
    return {**keys, "bit_rate": event.facts.bit_rate} if event.facts else keys
