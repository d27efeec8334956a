"""Assets: what counts of each, how it is found and kept, and every body it ever had."""

from collections.abc import Iterable
from typing import TypeAlias

from projections.table import Row, Table, Value, row
from schemas.bodies import StoredBody
from schemas.envelope import Record
from schemas.events.asset import (
    AssetCaptioned,
    AssetComposed,
    AssetDescribed,
    AssetImportRequested,
    AssetPresigned,
    AssetProbed,
    AssetPurged,
    AssetRefused,
    AssetRestored,
    AssetRetained,
    AssetTranscoded,
    AssetTrashed,
    AssetUploadAbandoned,
    AssetUploaded,
    AssetVersionChosen,
    AssetVersionPresigned,
    CaptionsFailed,
    CaptionsRequested,
    CoverChosen,
    ImagesFailed,
    ImagesMade,
    ImagesRequested,
    RenditionFailed,
    RenditionRemade,
    RenditionRequested,
    TranscodeFailed,
    TranscodeRequested,
)
from schemas.registry import Data

ASSETS = Table("assets", json=frozenset({"facts", "problem"}))
VERSIONS = Table("asset_versions", json=frozenset({"facts", "problem"}))

ABANDONED = {
    "code": "upload_abandoned",
    "reason": "The file was not sent in time; announce it again.",
}

Opened: TypeAlias = AssetPresigned | AssetVersionPresigned | AssetImportRequested
Kept: TypeAlias = (
    AssetDescribed | AssetRetained | AssetTrashed | AssetRestored | AssetPurged
)


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case AssetPresigned() | AssetImportRequested() | AssetVersionPresigned():
            return _opened(record, record.data)
        case AssetUploaded() | AssetComposed() | AssetUploadAbandoned():
            return _stored(record, record.data)
        case AssetProbed() | AssetVersionChosen():
            return _usable(record, record.data)
        case AssetRefused() as refused:
            return _refused(record, refused)
        case (
            AssetDescribed()
            | AssetRetained()
            | AssetTrashed()
            | AssetRestored()
            | AssetPurged()
        ):
            return (_kept(record, record.data),)
        case (
            TranscodeRequested()
            | AssetTranscoded()
            | TranscodeFailed()
            | CoverChosen()
            | ImagesRequested()
            | ImagesMade()
            | ImagesFailed()
            | CaptionsRequested()
            | AssetCaptioned()
            | CaptionsFailed()
            | RenditionRequested()
            | RenditionRemade()
            | RenditionFailed()
        ):
            # The asset looks the same, but its version and newest event move on.
            return (row(ASSETS, record),)
        case _:
            return ()


def _opened(record: Record[Data], event: Opened) -> tuple[Row, ...]:
    match event:
        case AssetVersionPresigned():
            return (row(ASSETS, record), _announced(record, event, event.number))
        case AssetPresigned():
            first = _announced(record, event, 1)
            return (_presigned(record, event), first)
        case AssetImportRequested():
            return (_importing(record, event), _imported(record, event))


def _stored(
    record: Record[Data], event: AssetUploaded | AssetComposed | AssetUploadAbandoned
) -> tuple[Row, ...]:
    match event:
        case AssetUploaded():
            return _uploaded(record, event)
        case AssetComposed():
            return _composed(record, event)
        case AssetUploadAbandoned(numbers=numbers):
            return _abandoned(record, numbers)


def _presigned(record: Record[Data], event: AssetPresigned) -> Row:
    return row(
        ASSETS,
        record,
        project_id=event.project_id,
        filename=event.filename,
        content_type=event.content_type,
        size=event.size,
        sha256=event.sha256,
        object_key=event.object_key,
        upload_id=event.upload_id,
        source="",
        status="presigned",
        number=1,
    )


def _importing(record: Record[Data], event: AssetImportRequested) -> Row:
    return row(
        ASSETS,
        record,
        project_id=event.project_id,
        filename=_last(event.source),
        object_key=event.object_key,
        upload_id="",
        source=event.source,
        status="importing",
        number=1,
    )


def _announced(
    record: Record[Data], event: AssetPresigned | AssetVersionPresigned, number: int
) -> Row:
    return _version(
        record,
        number,
        filename=event.filename,
        content_type=event.content_type,
        size=event.size,
        sha256=event.sha256,
        object_key=event.object_key,
        upload_id=event.upload_id,
        status="presigned",
    )


def _imported(record: Record[Data], event: AssetImportRequested) -> Row:
    return _version(
        record,
        1,
        filename=_last(event.source),
        object_key=event.object_key,
        status="importing",
    )


def _uploaded(record: Record[Data], event: AssetUploaded) -> tuple[Row, ...]:
    """A later body does not count before it was found usable."""
    body = _body(event)
    later = _version(record, event.number, status="uploaded", **body)
    if event.number > 1:
        return (row(ASSETS, record), later)
    return (row(ASSETS, record, status="uploaded", **body), later)


def _composed(record: Record[Data], event: AssetComposed) -> tuple[Row, ...]:
    """A film of ours counts at once: its facts came with it."""
    body: dict[str, Value] = {
        "filename": event.filename,
        "content_type": event.content_type,
        "size": event.size,
        "sha256": event.sha256,
        "object_key": event.object_key,
        "status": "ready",
        "facts": event.facts,
        "problem": None,
    }
    shown = row(
        ASSETS,
        record,
        project_id=event.project_id,
        source=f"timeline:{event.timeline_id}",
        upload_id="",
        number=event.number,
        **body,
    )
    return shown, _version(record, event.number, **body)


def _usable(
    record: Record[Data], event: AssetProbed | AssetVersionChosen
) -> tuple[Row, ...]:
    body: dict[str, Value] = {} if event.body is None else _body(event.body)
    if event.body is not None and event.body.filename:
        body["filename"] = event.body.filename
    number, facts = event.number, event.facts
    return (
        row(
            ASSETS,
            record,
            status="ready",
            facts=facts,
            number=number,
            problem=None,
            **body,
        ),
        _version(record, number, status="ready", facts=facts),
    )


def _refused(record: Record[Data], event: AssetRefused) -> tuple[Row, ...]:
    problem = {"code": event.code, "reason": event.reason}
    version = _version(record, event.number, status="refused", problem=problem)
    if event.number > 1:
        return (row(ASSETS, record), version)
    return (row(ASSETS, record, status="refused", problem=problem), version)


def _abandoned(record: Record[Data], numbers: tuple[int, ...]) -> tuple[Row, ...]:
    told: dict[str, Value] = {"status": "abandoned", "problem": ABANDONED}
    versions = [_version(record, number, **told) for number in numbers]
    own = row(ASSETS, record, **told) if 1 in numbers else row(ASSETS, record)
    return (own, *versions)


def _kept(record: Record[Data], event: Kept) -> Row:
    match event:
        case AssetDescribed(title=title, tags=tags, topics=topics, folder=folder):
            return row(
                ASSETS, record, title=title, tags=tags, topics=topics, folder=folder
            )
        case AssetRetained(until=until):
            return row(ASSETS, record, keep_until=until)
        case AssetTrashed(purge_at=purge_at):
            return row(ASSETS, record, trashed=True, purge_at=purge_at)
        case AssetRestored():
            return row(ASSETS, record, trashed=False, purge_at=None, keep_until=None)
        case AssetPurged():
            return row(ASSETS, record, status="purged")


def _version(record: Record[Data], number: int, **values: Value) -> Row:
    id_ = f"{record.subject_id}:{number}"
    return row(
        VERSIONS, record, id=id_, asset_id=record.subject_id, number=number, **values
    )


def _body(event: AssetUploaded | StoredBody) -> dict[str, Value]:
    return {
        "content_type": event.content_type,
        "size": event.size,
        "sha256": event.sha256,
        "object_key": event.object_key,
        "duplicate_of": event.duplicate_of,
    }


def _last(source: str) -> str:
    return source.rpartition("/")[2]
