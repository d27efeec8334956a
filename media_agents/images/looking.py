"""The facts of a picture, found by a confined child; bombs and broken ones refused."""

import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import ask
from media_agents.errors import MediaRefused
from media_agents.facts import Facts

MAX_BYTES = 64 << 20
_LOOK = Path(__file__).with_name("look.py")
_LIMITS = Limits(seconds=30, cpu_seconds=30, memory_bytes=2 << 30)
# The first bytes of what is looked at as a picture; a GIF may be a film.
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*")


# Brands of ISO files; a general one may hold AVIF or HEIC.
_AVIF = frozenset({b"avif", b"avis", b"mif1", b"msf1"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})


class Looked(Struct, frozen=True):
    format: str
    width: int
    height: int
    frames: int = 1
    mode: str = ""
    rotation: int = 0


def is_picture(head: bytes) -> bool:
    """By the first 16 bytes; what a name or a header of the request says is nothing."""
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    avif = head[4:8] == b"ftyp" and head[8:12] in _AVIF
    return head.startswith(_MAGIC) or webp or avif


def refuse_heic(head: bytes) -> None:
    """Raises MediaRefused: nobody who may be asked decodes it."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        raise MediaRefused(
            "not_a_picture",
            "the picture is HEIC, which is not read here",
            "Export it as JPEG; on an iPhone choose Most Compatible in Settings, "
            "Camera, Formats.",
        )


async def look(path: Path, size: int) -> Facts:
    """Raises MediaRefused."""
    if size > MAX_BYTES:
        raise MediaRefused(
            "too_large",
            f"the picture has {size} bytes",
            f"Upload one of at most {MAX_BYTES} bytes.",
        )
    try:
        told = await ask(sys.executable, ["-I", str(_LOOK), str(path)], limits=_LIMITS)
    except MediaRefused as error:
        raise _refused(error) from error
    found = msgspec.json.decode(told, type=Looked)
    turned = found.rotation % 180 == 90
    return Facts(
        kind="image",
        width=found.height if turned else found.width,
        height=found.width if turned else found.height,
        rotation=found.rotation,
        frames=found.frames,
        video_codec=found.format,
        container=found.format,
        pix_fmt=found.mode,
        bytes=size,
    )


def _refused(error: MediaRefused) -> MediaRefused:
    if "DecompressionBomb" in error.reason:
        return MediaRefused(
            "too_large",
            "the picture has too many pixels",
            "Upload one of at most 64 million pixels.",
        )
    return MediaRefused(
        "not_a_picture",
        "the picture cannot be decoded",
        "Upload JPEG, PNG or WebP; export it again if it does not open elsewhere.",
    )
