"""Rules of how an asset is found and kept: its description, its end, the trash."""

import unicodedata

from schemas.commands.asset import (
    DescribeAsset,
    PurgeAsset,
    RestoreAsset,
    RetainAsset,
    TrashAsset,
)
from schemas.events.asset import (
    AssetDescribed,
    AssetEvent,
    AssetPurged,
    AssetRestored,
    AssetRetained,
    AssetTrashed,
)
from streams.domain.asset_state import Asset
from streams.domain.rejected import Rejected

TITLE_LIMIT = 200
WORD_LIMIT = 50
MOST_WORDS = 50
FOLDER_LIMIT = 400


def describe(command: DescribeAsset, asset: Asset) -> AssetEvent | None:
    wanted = AssetDescribed(
        title=_line(command.title, TITLE_LIMIT, "/title"),
        tags=_labels(command.tags, "/tags"),
        topics=_labels(command.topics, "/topics"),
        folder=_folder(command.folder),
    )
    return None if wanted == asset.described else wanted


def retain(command: RetainAsset, asset: Asset) -> AssetEvent | None:
    return None if command.until == asset.until else AssetRetained(until=command.until)


def trash(command: TrashAsset, asset: Asset) -> AssetEvent | None:
    """By a person, or because its time is up; a time that was changed since is not."""
    expired = command.expired is not None
    if asset.trashed is not None or (expired and command.expired != asset.until):
        return None
    return AssetTrashed(
        purge_at=command.purge_at, reason="expired" if expired else "asked"
    )


def restore(_command: RestoreAsset, asset: Asset) -> AssetEvent | None:
    return None if asset.trashed is None else AssetRestored()


def purge(command: PurgeAsset, asset: Asset) -> AssetEvent | None:
    """Only at the instant the trash said: a restored one lives."""
    if asset.trashed is None or asset.trashed.purge_at != command.at:
        return None
    keys = tuple(each.opened.object_key for each in asset.bodies)
    return AssetPurged(
        object_keys=keys,
        video_ids=tuple(asset.videos),
        image_ids=tuple(asset.images),
    )


def _line(text: str, limit: int, pointer: str) -> str:
    found = " ".join(unicodedata.normalize("NFC", text).split())
    if len(found) > limit:
        raise Rejected(
            "invalid", "too_long", f"At most {limit} characters.", pointer=pointer
        )
    return found


def _labels(given: tuple[str, ...], pointer: str) -> tuple[str, ...]:
    """Without a leading #, each once, in the order given."""
    if len(given) > MOST_WORDS:
        raise Rejected("invalid", "too_many", f"At most {MOST_WORDS}.", pointer=pointer)
    found = [
        _line(each, WORD_LIMIT, f"{pointer}/{place}").lstrip("#＃").strip()
        for place, each in enumerate(given)
    ]
    return tuple(dict.fromkeys(each for each in found if each))


def _folder(path: str) -> str:
    """`raw/2026`: names between single strokes, none of them dots."""
    names = [_line(each, WORD_LIMIT, "/folder") for each in path.split("/")]
    found = "/".join(each for each in names if each)
    if len(found) > FOLDER_LIMIT or any(each in {".", ".."} for each in names):
        raise Rejected(
            "invalid",
            "bad_folder",
            f"A folder is names between strokes, {FOLDER_LIMIT} characters at most.",
            pointer="/folder",
        )
    return found
