"""Rules of the words beside a video's picture: wished for, put there, or not."""

from msgspec.structs import replace

from schemas.commands.asset import FailCaptions, RecordCaptions, RequestCaptions
from schemas.events.asset import (
    AssetCaptioned,
    AssetEvent,
    CaptionsFailed,
    CaptionsRequested,
)
from schemas.jobs import SubtitleText
from streams.domain.asset_renditions import check_untouched
from streams.domain.asset_state import Asset
from streams.domain.rejected import Rejected, missing

MOST_LANGUAGES = 32


def request(command: RequestCaptions, asset: Asset) -> AssetEvent | None:
    if command.video_id not in asset.videos:
        raise missing("video")
    if command.video_id not in asset.made:
        raise Rejected(
            "conflict", "video_not_ready", "Wait until the video is ready, then ask."
        )
    _check_languages(command)
    if asset.captions.get(command.video_id) == command.texts:
        return None
    check_untouched(command.video_id, asset)
    mp4_key, hls_key = asset.made[command.video_id]
    return CaptionsRequested(
        video_id=command.video_id, mp4_key=mp4_key, hls_key=hls_key, texts=command.texts
    )


def _check_languages(command: RequestCaptions) -> None:
    languages = {text.language for text in command.texts}
    if len(command.texts) > MOST_LANGUAGES or len(languages) < len(command.texts):
        raise Rejected(
            "invalid",
            "languages",
            f"Name each language once, {MOST_LANGUAGES} at most.",
            pointer="/subtitles",
        )


def record(command: RecordCaptions, asset: Asset) -> AssetEvent | None:
    """Only what was wished for last; what was overtaken changes nothing."""
    result = command.result
    if not _awaited(command.job_id, result.video_id, result.texts, asset):
        return None
    if asset.purged:
        reason = "The asset was deleted meanwhile."
        return CaptionsFailed(command.job_id, result.video_id, "asset_purged", reason)
    return AssetCaptioned(
        job_id=command.job_id,
        video_id=result.video_id,
        mp4_key=result.mp4_key,
        hls_key=result.hls_key,
        texts=result.texts,
    )


def fail(command: FailCaptions, asset: Asset) -> AssetEvent | None:
    if not _awaited(command.job_id, command.video_id, command.texts, asset):
        return None
    return CaptionsFailed(
        command.job_id, command.video_id, command.code, command.reason
    )


def _awaited(
    job_id: str, video_id: str, texts: tuple[SubtitleText, ...], asset: Asset
) -> bool:
    return job_id not in asset.told and asset.captions.get(video_id) == texts


def evolve(
    asset: Asset, event: CaptionsRequested | AssetCaptioned | CaptionsFailed
) -> Asset:
    if isinstance(event, CaptionsRequested):
        return replace(asset, captions={**asset.captions, event.video_id: event.texts})
    left = {key: text for key, text in asset.captions.items() if key != event.video_id}
    return replace(asset, captions=left, told=asset.told | {event.job_id})
