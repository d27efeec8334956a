"""Cuts a picture to a shape around what is to be seen, and brings it to its size."""

from itertools import accumulate
from typing import TypeAlias

from PIL import Image, ImageFilter

from schemas.pictures import Aspect, Focus, PictureWish

Picture: TypeAlias = Image.Image
Box: TypeAlias = tuple[int, int, int, int]
Sides: TypeAlias = tuple[int, int]

MOST_SIDE = 4096
LOOKED_AT = 128
# How much less the rim counts than the middle, where both show as much.
PULL = 0.25


def fitted(picture: Picture, wish: PictureWish) -> Picture:
    """Never larger than `MOST_SIDE`, enlarged only to the wish's least width."""
    shape = cut_sides(picture.size, wish.aspect)
    box = _box(picture, shape, wish.focus)
    size = result_sides(shape, wish)
    if size == picture.size:
        return picture.copy()
    return picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)


def cut_sides(size: Sides, aspect: Aspect | None) -> Sides:
    """The largest part of this shape; None is the shape it has."""
    if aspect is None:
        return size
    (width, height), (wide, high) = size, (aspect.wide, aspect.high)
    if width * high > height * wide:
        return max(1, round(height * wide / high)), height
    return width, max(1, round(width * high / wide))


def result_sides(shape: Sides, wish: PictureWish) -> Sides:
    wide, high = (wish.aspect.wide, wish.aspect.high) if wish.aspect else shape
    longest = max(1, MOST_SIDE * wide // max(wide, high))
    width = max(min(shape[0], wish.width or shape[0]), wish.least_width)
    width = min(width, longest)
    return width, min(MOST_SIDE, max(1, round(width * high / wide)))


def _box(picture: Picture, shape: Sides, focus: Focus | None) -> Box:
    (width, height), (wide, high) = picture.size, shape
    if focus is not None:
        left = _clamped(focus.x * width - wide / 2, width - wide)
        top = _clamped(focus.y * height - high / 2, height - high)
    else:
        left, top = _busiest(picture, shape)
    return left, top, left + wide, top + high


def _clamped(value: float, most: int) -> int:
    return max(0, min(round(value), most))


def _busiest(picture: Picture, shape: Sides) -> tuple[int, int]:
    """Where most edges lie, rather near the middle than at the rim."""
    (width, height), (wide, high) = picture.size, shape
    if (wide, high) == (width, height):
        return 0, 0
    edges = _edges(picture)
    if wide < width:
        share = edges.resize((edges.width, 1), Image.Resampling.BOX)
        return _clamped(_start(share, wide / width) * width, width - wide), 0
    share = edges.resize((1, edges.height), Image.Resampling.BOX)
    return 0, _clamped(_start(share, high / height) * height, height - high)


def _start(edges: Picture, share: float) -> float:
    return best_start(edges.tobytes(), share)


def _edges(picture: Picture) -> Picture:
    small = picture.convert("L")
    small.thumbnail((LOOKED_AT, LOOKED_AT))
    found = small.filter(ImageFilter.FIND_EDGES)
    # The filter leaves the border as it is, which is an edge to it.
    inner = Image.new("L", found.size, 0)
    rim = (1, 1, max(2, found.width - 1), max(2, found.height - 1))
    inner.paste(found.crop(rim), rim[:2])
    return inner


def best_start(weights: bytes, share: float) -> float:
    """Where a window of this share begins, as a share of the whole."""
    count = len(weights)
    window = max(1, min(count, round(count * share)))
    sums = [0, *accumulate(weights)]
    spare = count - window

    def seen(start: int) -> float:
        away = abs(start - spare / 2) / max(1.0, spare / 2)
        return (sums[start + window] - sums[start] + 1) * (1 - PULL * away)

    best = max(range(spare + 1), key=lambda start: (seen(start), -start))
    return 0.0 if spare == 0 else best / spare * (1 - share)
