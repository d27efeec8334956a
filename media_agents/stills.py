"""Pictures out of a finished video: candidates for its cover, and a sheet to scrub by.

They are taken from key frames of the smallest rung: one in sixty frames is decoded,
which costs less than one more output of the encoder would.
"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageFilter, ImageStat

from media_agents.engines.ffmpeg import Engine, Progress, encode

THUMB_WIDTH = 160
THUMBS_MAX = 400
COLUMNS = 10
PER_SHEET = 100
CANDIDATES = 8
# Brightness and contrast, of 255, below which a picture shows nothing.
DARKEST, BRIGHTEST, FLATTEST = 20.0, 240.0, 10.0
# Of 64 comparisons of neighbours, those in which two pictures of one scene may differ.
ALIKE = 6


class Still(Struct, frozen=True):
    """A small picture of the moment `at`, in seconds."""

    at: float
    path: Path


class Candidate(Struct, frozen=True):
    """`score` is higher the more there is to see; 0 = black, white or blank.

    `look` is the same for pictures that look the same, and nearly so for nearly.
    """

    at: float
    score: float
    look: int = 0


class Tile(Struct, frozen=True):
    """Where a moment stands on a sheet, in pixels."""

    start: float
    end: float
    sheet: int
    box: tuple[int, int, int, int]


async def key_stills(
    video: Path, times: Sequence[float], folder: Path, *, engine: Engine
) -> list[Still]:
    """`times` are those of the key frames of `video`, which is a rung of ours."""
    step = -(-len(times) // THUMBS_MAX) if times else 1
    pick = f"select='not(mod(n,{step}))',scale={THUMB_WIDTH}:-2"
    await encode(
        engine,
        [
            *("-skip_frame", "nokey", "-threads", "1", "-i", f"file:{video}", "-an"),
            *("-vf", pick, "-fps_mode", "passthrough", "-q:v", "4", "-threads", "1"),
            f"file:{folder / 'still-%05d.jpg'}",
        ],
        progress=Progress(0, None),
    )
    found = await asyncio.to_thread(lambda: sorted(folder.glob("still-*.jpg")))
    return [Still(at, path) for at, path in zip(times[::step], found, strict=False)]


async def candidates(stills: Sequence[Still]) -> list[Candidate]:
    """The best of each part of the video, the best of all first, no two alike."""
    found = await asyncio.to_thread(lambda: [_candidate(each) for each in stills])
    return distinct(ranked(found))


def _candidate(still: Still) -> Candidate:
    return Candidate(still.at, round(score(still.path), 1), look(still.path))


def ranked(found: Sequence[Candidate]) -> list[Candidate]:
    """At most one of each eighth, so that they are not the same picture eight times."""
    if not found:
        return []
    end = found[-1].at + 1e-6
    parts: dict[int, Candidate] = {}
    for each in found:
        part = min(int(each.at / end * CANDIDATES), CANDIDATES - 1)
        best = parts.get(part)
        if best is None or each.score > best.score:
            parts[part] = each
    return sorted(parts.values(), key=lambda each: (-each.score, each.at))


def distinct(found: Sequence[Candidate]) -> list[Candidate]:
    """Without those that look like a better one; blank ones only if all are."""
    shown = [each for each in found if each.score > 0] or list(found[:1])
    kept: list[Candidate] = []
    for each in shown:
        if all((each.look ^ other.look).bit_count() > ALIKE for other in kept):
            kept.append(each)
    return kept


def look(path: Path) -> int:
    """Where it gets brighter from left to right, in eight rows: 64 bits."""
    with Image.open(path) as opened:
        small = opened.convert("L").resize((9, 8), Image.Resampling.BOX)
    rows = [small.tobytes()[start : start + 9] for start in range(0, 72, 9)]
    bits = [left < right for row in rows for left, right in pairwise(row)]
    return sum(bit << place for place, bit in enumerate(bits))


def score(path: Path) -> float:
    """Edges, which blur and darkness have few of."""
    with Image.open(path) as opened:
        grey = opened.convert("L")
    seen = ImageStat.Stat(grey)
    if not DARKEST <= seen.mean[0] <= BRIGHTEST or seen.stddev[0] < FLATTEST:
        return 0.0
    edges = grey.filter(ImageFilter.FIND_EDGES)
    # The filter leaves the border as it is, which is an edge to it.
    inner = edges.crop((2, 2, grey.width - 2, grey.height - 2))
    return float(ImageStat.Stat(inner).stddev[0])


def tiles(stills: Sequence[Still], seconds: float, height: int) -> list[Tile]:
    """Row by row; each is shown until the next one's moment."""
    ends = [*(each.at for each in stills[1:]), seconds]
    return [
        Tile(still.at, end, number // PER_SHEET, _box(number % PER_SHEET, height))
        for number, (still, end) in enumerate(zip(stills, ends, strict=True))
    ]


def _box(place: int, height: int) -> tuple[int, int, int, int]:
    row, column = divmod(place, COLUMNS)
    return column * THUMB_WIDTH, row * height, THUMB_WIDTH, height


def sheets(stills: Sequence[Still], placed: Sequence[Tile], folder: Path) -> list[Path]:
    """One JPEG for every hundred stills."""
    made = []
    for number in range(placed[-1].sheet + 1 if placed else 0):
        both = zip(stills, placed, strict=True)
        mine = [(still, tile) for still, tile in both if tile.sheet == number]
        width = max(t.box[0] + t.box[2] for _, t in mine)
        height = max(t.box[1] + t.box[3] for _, t in mine)
        sheet = Image.new("RGB", (width, height))
        for still, tile in mine:
            with Image.open(still.path) as small:
                sheet.paste(small.resize(tile.box[2:]), tile.box[:2])
        path = folder / f"sheet-{number}.jpg"
        sheet.save(path, quality=80)
        made.append(path)
    return made


def thumbnails(placed: Sequence[Tile], names: Sequence[str]) -> str:
    """WebVTT in which each cue names a part of a sheet, as players read it."""
    lines = ["WEBVTT", ""]
    for tile in placed:
        where = ",".join(map(str, tile.box))
        lines += [
            f"{clock(tile.start)} --> {clock(tile.end)}",
            f"{names[tile.sheet]}#xywh={where}",
            "",
        ]
    return "\n".join(lines)


def clock(seconds: float) -> str:
    whole = round(seconds * 1000)
    minutes, millis = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{millis // 1000:02}.{millis % 1000:03}"
