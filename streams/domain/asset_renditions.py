"""Rules of one rendition that is made again: wished for, made, or as it was.

One thing at a time is made of a video's files: a rendition, or words beside it.
"""

from typing import TypeAlias

from msgspec.structs import replace

from schemas.commands.asset import FailRendition, RecordRendition, RequestRendition
from schemas.events.asset import (
    AssetCaptioned,
    AssetEvent,
    AssetTranscoded,
    RenditionFailed,
    RenditionRemade,
    RenditionRequested,
    TranscodeRequested,
)
from schemas.jobs import TranscodeInput
from streams.domain.asset_state import Asset, Film
from streams.domain.rejected import Rejected, missing

Told: TypeAlias = RenditionRemade | RenditionFailed


def request(command: RequestRendition, asset: Asset) -> RenditionRequested:
    film = asset.films.get(command.video_id)
    if film is None:
        raise missing("video")
    _check_ready(command.video_id, asset)
    _check_name(command.name, film)
    _check_free(command.video_id, asset)
    return _requested(command, film, asset)


def _check_ready(video_id: str, asset: Asset) -> None:
    if video_id in asset.made:
        return
    failed = asset.videos[video_id]
    raise Rejected(
        "conflict",
        "video_not_ready",
        "This video could not be made; ask for a new one with POST /media/jobs."
        if failed
        else "Wait until the video is ready, then ask.",
        pointer="/path/video_id",
    )


def _check_name(name: str, film: Film) -> None:
    known = [each.name for each in film.renditions]
    if name not in known:
        raise Rejected(
            "invalid",
            "no_such_rendition",
            f"This video has no rendition of this name; send {' or '.join(known)}.",
            pointer="/name",
        )


def check_untouched(video_id: str, asset: Asset) -> None:
    """Raises Rejected while a rendition of the video is being made again."""
    film = asset.films.get(video_id)
    if film is not None and film.remaking:
        raise _taken(f"Its rendition {film.remaking} is being made again")


def _check_free(video_id: str, asset: Asset) -> None:
    check_untouched(video_id, asset)
    if video_id in asset.captions:
        raise _taken("Words are being put beside its picture")


def _taken(what: str) -> Rejected:
    return Rejected(
        "conflict",
        "video_in_work",
        f"{what}; wait until that task has ended, then ask.",
        pointer="/path/video_id",
    )


def _requested(
    command: RequestRendition, film: Film, asset: Asset
) -> RenditionRequested:
    mp4_key, hls_key = asset.made[command.video_id]
    shown_mp4, shown_hls = film.shown
    return RenditionRequested(
        video_id=command.video_id,
        name=command.name,
        wish=film.wish,
        mp4_key=mp4_key,
        hls_key=hls_key,
        shown_mp4=shown_mp4,
        shown_hls=shown_hls,
        renditions=film.renditions,
        texts=film.texts,
        needs=film.wish.needs,
        project_id=asset.project_id,
    )


def record(command: RecordRendition, asset: Asset) -> Told | None:
    """Files that come after the asset's end are told of, so that they go, too."""
    result = command.result
    if not _awaited(command.job_id, result.video_id, result.name, asset):
        return None
    if asset.purged:
        reason = "The asset was deleted meanwhile."
        return RenditionFailed(
            command.job_id, result.video_id, result.name, "asset_purged", reason
        )
    return RenditionRemade(
        job_id=command.job_id,
        video_id=result.video_id,
        name=result.name,
        mp4_key=result.mp4_key,
        hls_key=result.hls_key,
        shown_mp4=result.shown_mp4,
        shown_hls=result.shown_hls,
        facts=result.facts,
    )


def fail(command: FailRendition, asset: Asset) -> RenditionFailed | None:
    if not _awaited(command.job_id, command.video_id, command.name, asset):
        return None
    return RenditionFailed(
        command.job_id, command.video_id, command.name, command.code, command.reason
    )


def _awaited(job_id: str, video_id: str, name: str, asset: Asset) -> bool:
    film = asset.films.get(video_id)
    waited = film is not None and film.remaking == name
    return waited and job_id not in asset.told


def evolve(asset: Asset, event: AssetEvent) -> Asset:
    """What of an event concerns the files a video is in."""
    match event:
        case TranscodeRequested(video_id=video_id):
            return asset.with_film(video_id, Film(wish=_wish(event)))
        case AssetTranscoded() | AssetCaptioned() | RenditionRequested():
            return _changed(asset, event)
        case RenditionRemade() | RenditionFailed():
            return _told(asset, event)
        case _:
            return asset


def _wish(event: TranscodeRequested) -> TranscodeInput:
    return TranscodeInput(
        video_id=event.video_id,
        object_key=event.object_key,
        sha256=event.sha256,
        profiles=event.profiles,
        needs=event.needs,
        burn=event.burn,
        public=event.public,
    )


def _changed(
    asset: Asset, event: AssetTranscoded | AssetCaptioned | RenditionRequested
) -> Asset:
    film = asset.films.get(event.video_id)
    if film is None:
        return asset
    match event:
        case AssetTranscoded(renditions=made):
            shown = (event.mp4_key, event.hls_key)
            film = replace(film, renditions=made, shown=shown)
        case AssetCaptioned(texts=texts):
            shown = (event.mp4_key, event.hls_key)
            film = replace(film, texts=texts, shown=shown)
        case RenditionRequested(name=name):
            film = replace(film, remaking=name)
    return asset.with_film(event.video_id, film)


def _told(asset: Asset, event: Told) -> Asset:
    asset = replace(asset, told=asset.told | {event.job_id})
    film = asset.films.get(event.video_id)
    if film is None:
        return asset
    film = replace(film, remaking="")
    if isinstance(event, RenditionFailed):
        return asset.with_film(event.video_id, film)
    files = {event.video_id: (event.mp4_key, event.hls_key)}
    film = replace(film, shown=(event.shown_mp4, event.shown_hls))
    made = replace(asset, made={**asset.made, **files})
    return made.with_film(event.video_id, film)
