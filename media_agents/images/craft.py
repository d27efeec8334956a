"""Makes pictures as an order says; a program of its own, run confined.

Its only argument is the path of the order. What it says is JSON: what it made, or why
it did not.
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from PIL import Image, UnidentifiedImageError

from media_agents.errors import MediaRefused
from media_agents.images.fitting import fitted
from media_agents.images.lettering import LEAST_SIZE, MOST_SIZE, Lettering, lettered
from media_agents.images.look import MAX_PIXELS
from media_agents.images.opening import opened
from media_agents.images.packing import SUFFIXES, packed
from schemas.pictures import Overlay, PictureWish

# Shares of the picture: how wide a text may be, and how far from the rim it stands.
TEXT_WIDTH, MARGIN = 0.9, 0.05

BROKEN = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    IndexError,
    KeyError,
)


class Order(Struct, frozen=True):
    """Every wish is made of every source, below `folder`."""

    sources: tuple[str, ...]
    folder: str
    wishes: tuple[PictureWish, ...]


class Crafted(Struct, frozen=True):
    """A file of ours; `source` and `wish` are places in the order."""

    file: str
    format: str
    width: int
    height: int
    source: int
    wish: int


class Told(Struct, frozen=True):
    """Without a `code` all was made."""

    made: tuple[Crafted, ...] = ()
    code: str = ""
    reason: str = ""
    remedy: str = ""


def main(path: str) -> None:
    order = msgspec.json.decode(Path(path).read_bytes(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(told(order)))


def told(order: Order) -> Told:
    try:
        return Told(tuple(_made(order)))
    except MediaRefused as no:
        return Told(code=no.code, reason=no.reason, remedy=no.remedy)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Told(
            code="too_large",
            reason="the picture has too many pixels",
            remedy=f"Send one of at most {MAX_PIXELS // 1_000_000} million pixels.",
        )
    except BROKEN:
        return Told(
            code="not_a_picture",
            reason="the picture cannot be decoded",
            remedy="Send JPEG, PNG, WebP or AVIF; export it again if it does not open "
            "elsewhere.",
        )


def _made(order: Order) -> Iterator[Crafted]:
    for source, path in enumerate(order.sources):
        picture = opened(Path(path))
        for number, wish in enumerate(order.wishes):
            shaped = fitted(picture, wish)
            if wish.overlay is not None:
                shaped = written_on(shaped, wish.overlay)
            stem = Path(order.folder) / f"picture-{source}-{number}"
            for name in wish.formats:
                file = stem.with_suffix(SUFFIXES[name])
                width, height = _written(shaped, file, name, wish)
                yield Crafted(str(file), name, width, height, source, number)


def _written(
    picture: Image.Image, file: Path, name: str, wish: PictureWish
) -> tuple[int, int]:
    limits = {"max_bytes": wish.max_bytes, "least_width": wish.least_width}
    body, sides = packed(picture, name, **limits)
    file.write_bytes(body)
    return sides


def written_on(picture: Image.Image, wish: Overlay) -> Image.Image:
    """Raises MediaRefused for a text that does not fit."""
    size = round(picture.height * wish.size)
    words = lettered(
        wish.text,
        Lettering(
            width=round(picture.width * TEXT_WIDTH),
            size=max(LEAST_SIZE, min(size, MOST_SIZE)),
            colour=wish.colour,
            outline=wish.outline or None,
            background=wish.background or None,
            bold=wish.bold,
        ),
    )
    top = _top(wish.place, picture.height, words.height)
    if top < 0:
        raise MediaRefused(
            "text_too_long",
            "the text is higher than the picture",
            "Shorten it, or ask for smaller letters.",
        )
    above = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    above.paste(words, ((picture.width - words.width) // 2, top))
    return Image.alpha_composite(picture.convert("RGBA"), above).convert(picture.mode)


def _top(place: str, height: int, needed: int) -> int:
    rim = min(round(height * MARGIN), (height - needed) // 2)
    return {"top": rim, "center": (height - needed) // 2}.get(
        place, height - needed - rim
    )


if __name__ == "__main__":
    main(sys.argv[1])
