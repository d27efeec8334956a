"""Rules of an asset's bodies: announced, uploaded, found usable or refused, chosen."""

from datetime import datetime

from msgspec.structs import replace

from schemas.bodies import StoredBody
from schemas.commands.asset import (
    AbandonUpload,
    ChooseVersion,
    CompleteUpload,
    ComposeAsset,
    ImportAsset,
    PresignAsset,
    PresignVersion,
    RecordProbe,
    RefuseAsset,
)
from schemas.events.asset import (
    AssetComposed,
    AssetEvent,
    AssetImportRequested,
    AssetPresigned,
    AssetProbed,
    AssetRefused,
    AssetUploadAbandoned,
    AssetUploaded,
    AssetVersionChosen,
    AssetVersionPresigned,
)
from streams.domain.asset_state import Asset, Body, Opened
from streams.domain.rejected import Rejected, exists


def open_first(command: PresignAsset | ImportAsset, asset: Asset) -> AssetEvent | None:
    wanted = _opening(command)
    if asset.bodies and not _same(asset.bodies[0].opened, wanted):
        raise exists("asset")
    return None if asset.bodies else wanted


def open_next(command: PresignVersion, asset: Asset) -> AssetEvent:
    _not_empty(command.size)
    return AssetVersionPresigned(
        number=len(asset.bodies) + 1,
        filename=command.filename,
        content_type=command.content_type,
        size=command.size,
        object_key=command.object_key,
        sha256=command.sha256,
        upload_id=command.upload_id,
        until=command.until,
    )


def complete(command: CompleteUpload, asset: Asset) -> AssetEvent | None:
    """Of the newest body; the same one twice changes nothing."""
    body = asset.bodies[-1]
    if body.uploaded is not None:
        if body.uploaded.sha256 == command.sha256:
            return None
        raise exists("asset")
    if body.abandoned:
        raise Rejected(
            "conflict",
            "upload_abandoned",
            "This upload was given up, because it took too long; announce the file "
            "again.",
        )
    _same_body(command, body.opened)
    return AssetUploaded(
        object_key=body.opened.object_key,
        size=command.size,
        sha256=command.sha256,
        content_type=command.content_type,
        profiles=_profiles(body.opened),
        number=len(asset.bodies),
        filename=_filename(body.opened),
        duplicate_of=command.duplicate_of,
        project_id=asset.project_id,
    )


def compose(command: ComposeAsset, asset: Asset) -> AssetEvent | None:
    """The same film twice is one body."""
    if any(each.opened.object_key == command.object_key for each in asset.bodies):
        return None
    return AssetComposed(
        project_id=command.project_id,
        filename=command.filename,
        content_type=command.content_type,
        size=command.size,
        object_key=command.object_key,
        sha256=command.sha256,
        facts=command.facts,
        number=len(asset.bodies) + 1,
        timeline_id=command.timeline_id,
        profiles=command.profiles,
    )


def composed(event: AssetComposed) -> Body:
    """Announced, stored and found usable in one."""
    stored = AssetUploaded(
        object_key=event.object_key,
        size=event.size,
        sha256=event.sha256,
        content_type=event.content_type,
        number=event.number,
        filename=event.filename,
    )
    return Body(event, stored, event.facts)


def abandon(command: AbandonUpload, asset: Asset) -> AssetEvent | None:
    """All that has not arrived and is not waited for after `at`."""
    late = {
        number: body.opened.object_key
        for number, body in enumerate(asset.bodies, 1)
        if _late(body, command.at)
    }
    if not late:
        return None
    return AssetUploadAbandoned(tuple(late), tuple(late.values()))


def _late(body: Body, at: datetime) -> bool:
    if isinstance(body.opened, AssetImportRequested | AssetComposed):
        return False
    if body.opened.until is None:
        return False
    waited = body.uploaded is None and not body.abandoned
    return waited and body.opened.until <= at


def record_probe(command: RecordProbe, asset: Asset) -> AssetEvent | None:
    body = asset.body(command.number)
    if body.judged:
        return None
    later = body.uploaded if command.number > 1 else None
    return AssetProbed(
        job_id=command.job_id,
        facts=command.facts,
        number=command.number,
        body=None if later is None else _stored(later),
    )


def refuse(command: RefuseAsset, asset: Asset) -> AssetEvent | None:
    if asset.body(command.number).judged:
        return None
    return AssetRefused(
        job_id=command.job_id,
        code=command.code,
        reason=command.reason,
        number=command.number,
    )


def choose(command: ChooseVersion, asset: Asset) -> AssetEvent | None:
    body = asset.body(command.number)
    if body.uploaded is None or body.facts is None:
        raise Rejected(
            "conflict",
            "version_unusable",
            "This version was never found usable; choose another one.",
            pointer="/number",
        )
    if asset.current == command.number:
        return None
    return AssetVersionChosen(
        number=command.number, facts=body.facts, body=_stored(body.uploaded)
    )


def _stored(event: AssetUploaded) -> StoredBody:
    return StoredBody(
        object_key=event.object_key,
        size=event.size,
        sha256=event.sha256,
        content_type=event.content_type,
        filename=event.filename,
        duplicate_of=event.duplicate_of,
    )


def _opening(
    command: PresignAsset | ImportAsset,
) -> AssetPresigned | AssetImportRequested:
    if isinstance(command, ImportAsset):
        return AssetImportRequested(
            project_id=command.project_id,
            source=command.source,
            object_key=command.object_key,
            profiles=command.profiles,
        )
    _not_empty(command.size)
    return AssetPresigned(
        project_id=command.project_id,
        filename=command.filename,
        content_type=command.content_type,
        size=command.size,
        object_key=command.object_key,
        sha256=command.sha256,
        upload_id=command.upload_id,
        until=command.until,
    )


def _same(opened: Opened, wanted: Opened) -> bool:
    """A wish that is repeated later would be waited for until later."""
    if isinstance(opened, AssetPresigned) and isinstance(wanted, AssetPresigned):
        return opened == replace(wanted, until=opened.until)
    return opened == wanted


def _not_empty(size: int) -> None:
    if size <= 0:
        raise Rejected(
            "invalid", "size_zero", "The file is empty; send one.", pointer="/size"
        )


def _same_body(command: CompleteUpload, opened: Opened) -> None:
    if isinstance(opened, AssetImportRequested):
        return
    if command.size != opened.size:
        raise Rejected(
            "invalid",
            "wrong_size",
            f"{opened.size} bytes were announced, {command.size} arrived.",
            pointer="/size",
        )
    if opened.sha256 and command.sha256 != opened.sha256:
        raise Rejected(
            "invalid",
            "wrong_hash",
            "The stored file has another SHA-256; upload it again.",
            pointer="/sha256",
        )


def _profiles(opened: Opened) -> tuple[str, ...]:
    return opened.profiles if isinstance(opened, AssetImportRequested) else ()


def _filename(opened: Opened) -> str:
    if isinstance(opened, AssetImportRequested):
        return opened.source.rstrip("/").rpartition("/")[2]
    return opened.filename
