"""Writes a picture in a format so that it takes no more bytes than are allowed.

First with less quality, then with fewer pixels. The same picture and limit give the
same bytes: nothing is written by more than one thread.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TypeAlias

from PIL import Image

from media_agents.errors import MediaRefused
from media_agents.images.opening import on_white

Picture: TypeAlias = Image.Image
Write: TypeAlias = Callable[[Picture, int], bytes]

SMALLER = (1.0, 0.85, 0.7, 0.55, 0.42, 0.32, 0.24, 0.18)
LEAST_SIDE = 16
CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
}
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "avif": ".avif"}


def packed(
    picture: Picture, name: str, *, max_bytes: int = 0, least_width: int = 0
) -> tuple[bytes, tuple[int, int]]:
    """The bytes and the sides in the end; 0 = no limit.

    Raises MediaRefused("too_many_bytes") where no quality and no size fits.
    """
    for scale in SMALLER:
        part = _scaled(picture, scale)
        if scale < 1 and min(part.width - least_width, min(part.size) - LEAST_SIDE) < 0:
            break
        found = _best(part, name, max_bytes)
        if found is not None:
            return found, part.size
    raise MediaRefused(
        "too_many_bytes",
        f"no {name} of this picture has {max_bytes} bytes or fewer",
        "Allow more bytes, a smaller width or another format.",
    )


def _best(picture: Picture, name: str, max_bytes: int) -> bytes | None:
    """Of the best quality that fits; None where none does."""
    write, levels = WRITERS[name]
    found = write(picture, levels[-1])
    if not max_bytes or len(found) <= max_bytes:
        return found
    low, high, best = 0, len(levels) - 2, None
    while low <= high:
        middle = (low + high) // 2
        found = write(picture, levels[middle])
        if len(found) <= max_bytes:
            best, low = found, middle + 1
        else:
            high = middle - 1
    return best


def _scaled(picture: Picture, scale: float) -> Picture:
    if scale == 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _jpeg(picture: Picture, quality: int) -> bytes:
    return _saved(
        on_white(picture),
        "JPEG",
        quality=quality,
        optimize=True,
        progressive=True,
        subsampling="4:2:0",
    )


def _webp(picture: Picture, quality: int) -> bytes:
    return _saved(picture, "WEBP", quality=quality, method=2)


def _avif(picture: Picture, quality: int) -> bytes:
    return _saved(picture, "AVIF", quality=quality, speed=10, max_threads=1)


def _png(picture: Picture, colours: int) -> bytes:
    """257 = every colour."""
    if colours > 256:
        return _saved(picture, "PNG", optimize=True)
    # Only this way of counting colours keeps what shows through.
    method = Image.Quantize.FASTOCTREE if picture.mode == "RGBA" else None
    return _saved(picture.quantize(colours, method), "PNG", optimize=True)


def _saved(picture: Picture, kind: str, **options: object) -> bytes:
    written = BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


WRITERS: dict[str, tuple[Write, Sequence[int]]] = {
    "jpeg": (_jpeg, range(35, 89)),
    "webp": (_webp, range(30, 83)),
    "avif": (_avif, range(25, 66)),
    "png": (_png, (8, 16, 32, 64, 128, 256, 257)),
}
