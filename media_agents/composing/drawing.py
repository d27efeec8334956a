"""Draws the pieces of a film, one process each, and joins them without a new encode.

Pieces carry no B-frames and one time base, so joining them moves no frame: the film has
exactly the frames it was arranged with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from msgspec import Struct

from media_agents.composing.arranging import Arrangement
from media_agents.composing.pieces import Piece, Played, Still, Turning
from media_agents.encoders import REPEATABLE
from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import (
    INPUT_GUARD,
    MAX_PIXELS,
    Engine,
    Progress,
    encode,
)
from media_agents.errors import MediaRefused
from media_agents.facts import Facts
from media_agents.pieces import Kept, joined
from media_agents.timeline import timeline
from media_agents.transcode import GOP_SECONDS, TO_SDR
from schemas.timeline import Corner, Fit

EXACT = "flags=bicubic+accurate_rnd+bitexact"
LEGAL = "limiter=min=16:max=235:planes=1"
WITHIN = "force_original_aspect_ratio=decrease:force_divisible_by=2"
AROUND = "force_original_aspect_ratio=increase:force_divisible_by=2"
BT709 = "out_color_matrix=bt709:out_range=tv"
# Our words for it and the filter's; nothing else ever gets into a graph.
TURNS = {"fade": "fadeblack", "crossfade": "fade", "wipe": "wipeleft"}
MARGIN = 0.025
# A picture may end a moment before its file says so: its last frame then stays.
PADDED_S = 1
QUALITY = "18"


class Footage(Struct, frozen=True):
    """A file on this machine with its facts."""

    path: Path
    facts: Facts


class Stock(Struct, frozen=True):
    """What pieces are drawn from: footage by name, cards by the number of a scene."""

    footage: Mapping[str, Footage]
    cards: Mapping[int, Path]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What all pieces of one film share; finished ones go to `kept`, if it is there."""

    film: Arrangement
    stock: Stock
    folder: Path
    engine: Engine
    kept: Kept | None = None

    async def draw(
        self, pieces: Sequence[Piece], tell: Callable[[float], None]
    ) -> Path:
        """The film without its sound; `tell` hears the share that is done."""
        made: list[tuple[Path, Fraction]] = []
        done = 0
        for number, piece in enumerate(pieces):
            path = self.folder / f"piece-{number:04}.mp4"
            share = _part(tell, (done, piece.frames), self.film.frames)
            await self._piece(piece, path, share)
            made.append((path, piece.frames / self.film.rate))
            done += piece.frames
            tell(done / self.film.frames)
        target = self.folder / "picture.mp4"
        await joined(made, target, _timescale(self.film), engine=self.engine)
        await _verified(target, self.film.frames, self.engine)
        return target

    async def _piece(
        self, piece: Piece, path: Path, tell: Callable[[int], None]
    ) -> None:
        """What is kept was counted before: an exit code of zero proves nothing."""
        if self.kept and await self.kept.fetch(path.name, path):
            return
        await _draw_one(piece, self.film, self.stock, path, self.engine, tell)
        if self.kept:
            await _verified(path, piece.frames, self.engine)
            await self.kept.keep(path.name, path)


def _part(
    tell: Callable[[float], None], place: tuple[int, int], whole: int
) -> Callable[[int], None]:
    """Percents of one piece as a share of the film; `place` counts its frames."""
    before, frames = place
    return lambda percent: tell((before + frames * percent / 100) / whole)


async def _draw_one(
    piece: Piece,
    film: Arrangement,
    stock: Stock,
    target: Path,
    engine: Engine,
    tell: Callable[[int], None],
) -> None:
    seconds = float(piece.frames / film.rate)
    pixels = film.width * film.height / 2_073_600
    allowed = 120 + 40 * seconds * max(1.0, pixels)
    await encode(
        engine,
        [
            *arguments(piece, film, stock),
            *_output(film, piece.frames),
            f"file:{target}",
        ],
        progress=Progress(round(seconds * 1000), tell),
        limits=Limits(seconds=allowed, cpu_seconds=int(allowed * 4)),
    )


def arguments(piece: Piece, film: Arrangement, stock: Stock) -> list[str]:
    """Inputs and graph of one piece; the graph holds numbers and words of ours only."""
    seen = [*piece.under, *piece.over]
    given = ["-max_alloc", str(512 << 20)]
    for each in seen:
        given += _input(each, film, stock)
    if piece.marks is not None:
        given += _picture(piece.marks)
    return [*given, "-filter_complex", graph(piece, film, stock)]


def _input(seen: Played | Still, film: Arrangement, stock: Stock) -> list[str]:
    if isinstance(seen, Still):
        rate = f"{film.rate.numerator}/{film.rate.denominator}"
        return ["-loop", "1", "-framerate", rate, *_picture(stock.cards[seen.scene])]
    at = ["-ss", f"{float(seen.start):.6f}"] if seen.start else []
    path = stock.footage[seen.name].path
    guard = [*INPUT_GUARD, "-max_pixels", str(MAX_PIXELS)]
    return [*guard, *at, "-i", f"file:{path}"]


def _picture(path: Path) -> list[str]:
    """A PNG that we drew: its name is taken as it is, without a pattern."""
    return ["-f", "image2", "-pattern_type", "none", "-i", f"file:{path}"]


def graph(piece: Piece, film: Arrangement, stock: Stock) -> str:
    chains, pads = [], []
    for number, each in enumerate([*piece.under, *piece.over]):
        chains.append(f"{_shown(number, each, film, stock)}[p{number}]")
        pads.append(f"[p{number}]")
    under = pads[: len(piece.under)]
    last = under[0]
    if piece.turning is not None:
        turn = _turn(piece.turning, film.rate)
        chains.append(f"{''.join(under)}{turn}[turned]")
        last = "[turned]"
    for number, each in enumerate(piece.over):
        pad = pads[len(piece.under) + number]
        chains.append(f"{last}{pad}{_overlay(each.corner, film)}[o{number}]")
        last = f"[o{number}]"
    if piece.marks is not None:
        number = len(pads)
        chains.append(f"[{number}:v]scale={BT709},format=yuva420p[marks]")
        chains.append(f"{last}[marks]overlay=0:0[marked]")
        last = "[marked]"
    return ";".join([*chains, f"{last}format=yuv420p,setsar=1[film]"])


def _shown(number: int, seen: Played | Still, film: Arrangement, stock: Stock) -> str:
    rate = f"{film.rate.numerator}/{film.rate.denominator}"
    if isinstance(seen, Still):
        return f"[{number}:v]scale={BT709},format=yuv420p,setsar=1,fps={rate}"
    facts = stock.footage[seen.name].facts
    steps = [
        "bwdif" if facts.interlaced else "",
        f"fps={rate}:start_time=0",
        f"tpad=stop_mode=clone:stop_duration={PADDED_S}",
        TO_SDR if facts.hdr else "",
        f"scale=iw*sar:ih:{EXACT}:{BT709}",
        "setsar=1",
    ]
    begun = f"[{number}:{facts.video_index}]{','.join(s for s in steps if s)}"
    if seen.corner is not None:
        box = f"{_even(film.width * seen.scale)}:{_even(film.height * seen.scale)}"
        return f"{begun},scale={box}:{WITHIN}:{EXACT},format=yuv420p"
    return f"{begun},{_fitted(number, seen.fit, film)}"


def _fitted(number: int, fit: Fit, film: Arrangement) -> str:
    size = f"{film.width}:{film.height}"
    inside, around = f"scale={size}:{WITHIN}", f"scale={size}:{AROUND}"
    match fit:
        case "contain":
            return f"{inside}:{EXACT},format=yuv420p,pad={size}:-1:-1,setsar=1"
        case "cover":
            return f"{around}:{EXACT},format=yuv420p,crop={size},setsar=1"
        case "blur":
            back, front = f"[b{number}]", f"[f{number}]"
            small = f"{_even(film.width / 8)}:{_even(film.height / 8)}"
            return (
                f"format=yuv420p,split{back}{front};"
                f"{back}{around}:{EXACT},crop={size},scale={small},boxblur=4:2,"
                f"scale={size}:{EXACT},setsar=1[d{number}];"
                f"{front}{inside}:{EXACT},setsar=1[e{number}];"
                f"[d{number}][e{number}]overlay=(W-w)/2:(H-h)/2,format=yuv420p"
            )


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def _turn(turning: Turning, rate: Fraction) -> str:
    """A piece may begin in the middle of a transition: its beginning then lies before.

    The last frame of a transition is not yet the coming scene alone, nor its first
    the going one: between them lie `frames + 1` steps.
    """
    length = float((turning.frames + 1) / rate)
    begun = -float((turning.done + 1) / rate)
    kind = TURNS[turning.kind]
    turn = f"xfade=transition={kind}:duration={length:.6f}:offset={begun:.6f}"
    # The filter's black is darker than a film's may be.
    return f"{turn},{LEGAL}" if turning.kind == "fade" else turn


def _overlay(corner: Corner | None, film: Arrangement) -> str:
    margin = round(min(film.width, film.height) * MARGIN / 2) * 2
    vertical, _, horizontal = (corner or "bottom_right").partition("_")
    left = str(margin) if horizontal == "left" else f"W-w-{margin}"
    top = str(margin) if vertical == "top" else f"H-h-{margin}"
    return f"overlay={left}:{top}"


def _output(film: Arrangement, frames: int) -> list[str]:
    gop = str(max(1, round(film.rate * GOP_SECONDS)))
    return [
        *("-map", "[film]", "-an", "-sn", "-dn", "-map_metadata", "-1"),
        *("-frames:v", str(frames), "-c:v", "libx264", "-preset", "veryfast"),
        *("-profile:v", "high", "-bf", "0", "-crf", QUALITY),
        *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0"),
        *REPEATABLE,
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact"),
        *_timescale(film),
    ]


def _timescale(film: Arrangement) -> tuple[str, str]:
    return "-video_track_timescale", str(film.rate.numerator)


async def _verified(path: Path, frames: int, engine: Engine) -> None:
    seen = await timeline(path, engine, 0)
    if seen.frames != frames:
        raise MediaRefused(
            "bad_output",
            f"the film has {seen.frames} frames of {frames}",
            "A clip may be damaged: cut away its end, or export it again.",
        )
