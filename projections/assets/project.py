"""Assets: from the signed upload to known facts, or to a plain refusal."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.asset import (
    AssetImportRequested,
    AssetPresigned,
    AssetProbed,
    AssetRefused,
    AssetTranscoded,
    AssetUploaded,
    TranscodeFailed,
    TranscodeRequested,
)
from schemas.registry import Data

ASSETS = Table("assets", json=frozenset({"facts", "problem"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case AssetPresigned() as presigned:
            return (_presigned(record, presigned),)
        case AssetImportRequested() as wanted:
            return (_importing(record, wanted),)
        case AssetUploaded() as uploaded:
            return (_uploaded(record, uploaded),)
        case AssetProbed(facts=facts):
            return (row(ASSETS, record, status="ready", facts=facts),)
        case AssetRefused(code=code, reason=reason):
            problem = {"code": code, "reason": reason}
            return (row(ASSETS, record, status="refused", problem=problem),)
        case TranscodeRequested() | AssetTranscoded() | TranscodeFailed():
            # The asset looks the same, but its version and newest event move on.
            return (row(ASSETS, record),)
        case _:
            return ()


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
    )


def _importing(record: Record[Data], event: AssetImportRequested) -> Row:
    return row(
        ASSETS,
        record,
        project_id=event.project_id,
        filename=event.source.rpartition("/")[2],
        object_key=event.object_key,
        upload_id="",
        source=event.source,
        status="importing",
    )


def _uploaded(record: Record[Data], event: AssetUploaded) -> Row:
    return row(
        ASSETS,
        record,
        content_type=event.content_type,
        size=event.size,
        sha256=event.sha256,
        object_key=event.object_key,
        status="uploaded",
    )
