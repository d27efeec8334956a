"""Cuts a film wherever something begins or ends: each piece is one constant picture.

A piece shows one scene, or two while one turns into the other, with the same insets
and the same marks from its first frame to its last. So no filter needs a clock. What
stays the same for long is cut as well, so that a death costs one short piece.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from media_agents.composing.arranging import (
    Arrangement,
    Placed,
    PlacedInset,
    boundaries,
)
from media_agents.pieces import PIECE_SECONDS
from schemas.timeline import Clip, Corner, Fit, Scene, TransitionKind


class Played(Struct, frozen=True):
    """A file from `start` seconds on; an inset has a corner and a share of the film."""

    name: str
    start: Fraction
    fit: Fit = "contain"
    corner: Corner | None = None
    scale: float = 1.0


class Still(Struct, frozen=True):
    """A picture of ours, by the number of the scene whose card it is."""

    scene: int


class Turning(Struct, frozen=True):
    """`done` frames of the transition lie before this piece."""

    kind: TransitionKind
    frames: int
    done: int


class Piece(Struct, frozen=True):
    """`under` is one picture, or the going and the coming one; `over` lies above."""

    begin: int
    frames: int
    under: tuple[Played | Still, ...]
    over: tuple[Played, ...] = ()
    turning: Turning | None = None
    marks: Path | None = None


class Marked(Struct, frozen=True):
    """A transparent picture that lies over everything from `begin` to `end`."""

    picture: Path
    begin: int
    end: int


def cut(
    film: Arrangement, marks: tuple[Marked, ...] = (), seconds: float = PIECE_SECONDS
) -> list[Piece]:
    """In order, without a hole, each of about `seconds`; `marks` do not overlap."""
    edges = [frame for each in marks for frame in (each.begin, each.end)]
    longest = max(1, round(seconds * film.rate))
    return [
        _piece(film, begin, end, marks)
        for stretch in boundaries(film, *edges)
        for begin, end in _shortened(*stretch, longest)
    ]


def _shortened(begin: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Equal parts, none of which is longer than half as much again."""
    parts = max(1, round((end - begin) / longest))
    edges = [begin + (end - begin) * n // parts for n in range(parts + 1)]
    return pairwise(edges)


def _piece(film: Arrangement, begin: int, end: int, marks: tuple[Marked, ...]) -> Piece:
    seen = [each for each in film.scenes if each.begin <= begin < each.end]
    over = [each for each in film.insets if each.begin <= begin < each.end]
    above = [each.picture for each in marks if each.begin <= begin < each.end]
    return Piece(
        begin=begin,
        frames=end - begin,
        under=tuple(_under(each, begin, film.rate) for each in seen),
        over=tuple(_over(each, begin, film.rate) for each in over),
        turning=_turning(seen[-1], begin) if len(seen) > 1 else None,
        marks=above[0] if above else None,
    )


def _under(placed: Placed, begin: int, rate: Fraction) -> Played | Still:
    scene: Scene = placed.scene
    if not isinstance(scene, Clip):
        return Still(placed.index)
    later = Fraction(begin - placed.begin) / rate
    start = Fraction(str(scene.start)) + later
    return Played(scene.source.name, start, scene.fit)


def _over(placed: PlacedInset, begin: int, rate: Fraction) -> Played:
    inset = placed.inset
    start = Fraction(str(inset.start)) + Fraction(begin - placed.begin) / rate
    return Played(inset.source.name, start, "contain", inset.corner, inset.scale)


def _turning(coming: Placed, begin: int) -> Turning:
    kind = coming.scene.transition.kind
    return Turning(kind, coming.shared, begin - coming.begin)
