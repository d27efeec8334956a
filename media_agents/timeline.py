"""When the frames of a picture are shown, read off the packets; nothing is decoded.

Declared durations lie (cut uploads, recordings of browsers, gap bombs), so the packets
themselves are what counts.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from media_agents.describing import PROBE_LIMITS, number
from media_agents.engines.ffmpeg import INPUT_GUARD, Engine, ask
from media_agents.errors import MediaRefused


class Packet(Struct, frozen=True):
    """`at` and `seconds` where they are known."""

    at: float | None
    seconds: float | None
    size: int
    key: bool
    hidden: bool


class Timeline(Struct, frozen=True):
    """Seconds; `step` is the usual distance of two frames, `gap` the longest.

    `key_gap` is the longest distance of two key frames, the end counting as one.
    """

    start: float
    end: float
    gap: float
    step: float
    frames: int
    bytes: int
    key_gap: float
    edited: bool

    @property
    def vfr(self) -> bool:
        return self.gap > 1.5 * self.step > 0

    @property
    def seconds(self) -> float:
        return self.end - self.start


async def timeline(path: Path, engine: Engine, index: int) -> Timeline:
    """Raises MediaRefused where there are no frames."""
    return of_packets(await packets_of(path, engine, index))


async def packets_of(path: Path, engine: Engine, index: int) -> list[Packet]:
    entries = "packet=pts_time,dts_time,duration_time,size,flags"
    select = ("-select_streams", str(index), "-show_entries", entries)
    listed = await ask(
        engine.ffprobe,
        ["-v", "quiet", *INPUT_GUARD, *select, "-of", "csv=p=0", f"file:{path}"],
        limits=PROBE_LIMITS,
    )
    return read(listed.decode(errors="replace").splitlines())


def key_distances(packets: Iterable[Packet]) -> list[tuple[Fraction, int]]:
    """Each key frame's moment, the first at 0, and how many frames until the next."""
    shown = sorted((p.at, p.key) for p in packets if p.at is not None and not p.hidden)
    found: list[tuple[Fraction, int]] = []
    for at, key in shown:
        if key or not found:
            found.append((Fraction(str(at)) - Fraction(str(shown[0][0])), 1))
        else:
            found[-1] = (found[-1][0], found[-1][1] + 1)
    return found


async def key_times(path: Path, engine: Engine) -> list[float]:
    """Of the first picture of a file of ours, in order, from its beginning."""
    packets = await packets_of(path, engine, 0)
    return sorted(each.at for each in packets if each.key and each.at is not None)


def read(lines: Iterable[str]) -> list[Packet]:
    """Lines of `pts,dts,duration,size,flags`; others are left out."""
    found = []
    for line in lines:
        fields = line.split(",")[:5]
        if len(fields) == 5:
            shown, decoded, seconds, size = (number(each) for each in fields[:4])
            at = decoded if shown is None else shown
            flags = fields[4]
            found.append(
                Packet(at, seconds, int(size or 0), "K" in flags, "D" in flags)
            )
    return found


def of_packets(packets: Iterable[Packet]) -> Timeline:
    # An edit list cuts the beginning off: those packets are never shown.
    every = list(packets)
    shown = [each for each in every if not each.hidden and each.at is not None]
    if not shown:
        raise MediaRefused(
            "no_frames", "the video has no frames", "Upload the file again."
        )
    times = sorted(each.at for each in shown if each.at is not None)
    steps = sorted(b - a for a, b in pairwise(times))
    typical = steps[len(steps) // 2] if steps else 0.0
    end = times[-1] + (_last(shown) or typical)
    return Timeline(
        start=times[0],
        end=end,
        gap=steps[-1] if steps else 0.0,
        step=typical,
        frames=len(times),
        bytes=sum(each.size for each in shown),
        key_gap=_key_gap(shown, end),
        edited=len(every) > len(shown),
    )


def _last(packets: list[Packet]) -> float:
    known = (each.seconds for each in reversed(packets) if each.seconds)
    return next(known, 0.0)


def _key_gap(packets: list[Packet], end: float) -> float:
    keys = sorted(each.at for each in packets if each.key and each.at is not None)
    return max((b - a for a, b in pairwise([*keys, end])), default=0.0)
