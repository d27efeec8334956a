"""As what a file is served, and to whom: never by what its sender said of it."""

from collections.abc import Mapping

UNKNOWN = "application/octet-stream"
_PICTURES: Mapping[str, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
}
_SOUNDS: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "mov": "audio/mp4",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "matroska": "audio/webm",
}
_FILMS: Mapping[str, str] = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "matroska": "video/x-matroska",
    "webm": "video/webm",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "ogg": "video/ogg",
}
_KINDS = {"image": _PICTURES, "audio": _SOUNDS, "video": _FILMS}
# What a browser may show under the store's origin; none of these runs a script.
SHOWN = frozenset(
    {
        *_PICTURES.values(),
        *_SOUNDS.values(),
        *_FILMS.values(),
        "video/iso.segment",
        "text/vtt",
        "text/plain",
        "application/vnd.apple.mpegurl",
    }
)


def served_as(kind: str, container: str) -> str:
    """The type of a probed file; one nobody knows is only ever saved."""
    return _KINDS.get(kind, {}).get(container.lower(), UNKNOWN)


def is_public(key: str) -> bool:
    """What lies below `<tenant>/public/` anybody may have; where it lies decides."""
    return key.split("/")[1:2] == ["public"]


def video_prefix(tenant: str, video_id: str, *, public: bool = False) -> str:
    """Below what a video's files lie."""
    return f"{tenant}/{'public' if public else 'videos'}/{video_id}"


def cache_control(key: str) -> str:
    who = "public" if is_public(key) else "private"
    return f"{who}, max-age=31536000, immutable"
