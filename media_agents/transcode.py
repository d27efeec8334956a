"""Plans a ladder from the facts and encodes it: one decode, one file per rung."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from pathlib import Path

import msgspec

from media_agents.engines.ffmpeg import (
    INPUT_GUARD,
    MAX_PIXELS,
    Engine,
    Limits,
    Progress,
    encode,
)
from media_agents.errors import MediaRefused
from media_agents.probe import Facts

# Bits per second at which a rung is capped, by its short side.
CAPS = {
    "1080p": (1080, 5_000_000),
    "720p": (720, 2_800_000),
    "480p": (480, 1_400_000),
    "360p": (360, 800_000),
}
DEFAULT_RUNGS = 2
MIN_RATE = 10
MAX_RATE = 60
GOP_SECONDS = 2
# Rungs closer than this in size are the same picture paid for twice.
LEAST_STEP = 1.15
# The number of threads changes the bits of the result, so it is never "auto".
ENCODER_THREADS = "2"
_BITEXACT = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")
_TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)


class Rung(msgspec.Struct, frozen=True):
    name: str
    width: int
    height: int
    max_bit_rate: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to make of one source; its JSON is the recipe part of a job's key."""

    rungs: tuple[Rung, ...]
    frame_rate: str
    duration_ms: int
    video_index: int
    audio_index: int
    deinterlace: bool
    to_sdr: bool

    @property
    def has_audio(self) -> bool:
        return self.audio_index >= 0


@dataclass(frozen=True, slots=True)
class Renditions:
    videos: tuple[tuple[Rung, Path], ...]
    audio: Path | None


def plan(facts: Facts, profiles: Sequence[str] = ()) -> Plan:
    """Asked-for profiles are all made; without any, the two best that differ."""
    unknown = sorted(set(profiles) - set(CAPS))
    if unknown:
        raise MediaRefused(
            "unknown_profile",
            f"there is no profile {unknown[0]!r}",
            f"Choose from {', '.join(CAPS)}.",
        )
    rate = _frame_rate(facts)
    rungs = _ladder(facts, profiles or tuple(CAPS), rate)
    return Plan(
        rungs=rungs if profiles else rungs[:DEFAULT_RUNGS],
        frame_rate=f"{rate.numerator}/{rate.denominator}",
        duration_ms=facts.duration_ms,
        video_index=facts.video_index,
        audio_index=facts.audio_index,
        deinterlace=facts.interlaced,
        to_sdr=facts.hdr,
    )


def _frame_rate(facts: Facts) -> Fraction:
    rate = Fraction(facts.frame_rate)
    if facts.vfr:
        # An average of 23.4 means nothing to a player; the next usual rate does.
        usual = (r for r in (10, 15, 24, 25, 30, 50, 60) if r >= rate - Fraction(1, 5))
        rate = Fraction(next(usual, MAX_RATE))
    return max(Fraction(MIN_RATE), min(Fraction(MAX_RATE), rate))


def _ladder(facts: Facts, profiles: Sequence[str], rate: Fraction) -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    # From the smallest up, so that a small source gets the name that fits it.
    for name in sorted(profiles, key=lambda p: CAPS[p][0]):
        rung = _rung(name, facts, rate)
        if not rungs or rung.height >= rungs[-1].height * LEAST_STEP:
            rungs.append(rung)
        elif rung.height > rungs[-1].height:
            rungs[-1] = rung
    return tuple(reversed(rungs))


def _rung(name: str, facts: Facts, rate: Fraction) -> Rung:
    short, cap = CAPS[name]
    wide, high = (
        facts.width * float(Fraction(facts.sar.replace(":", "/"))),
        facts.height,
    )
    # The area keeps very wide pictures within the level a 16:9 one needs.
    area = short * short * 16 / 9 * 1.05
    scale = min(1.0, short / min(wide, high), sqrt(area / (wide * high)))
    fast = rate > 30
    return Rung(
        name,
        _even(wide * scale),
        _even(high * scale),
        cap * 3 // 2 if fast else cap,
    )


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def arguments(path: Path, wanted: Plan, out_dir: Path) -> list[str]:
    """One process: decode once, split, encode every rung and the sound."""
    guarded = (*INPUT_GUARD, "-max_pixels", str(MAX_PIXELS), "-i", f"file:{path}")
    made = ["-max_alloc", str(512 << 20), *guarded]
    made += ["-filter_complex", filter_graph(wanted)]
    for number, rung in enumerate(wanted.rungs):
        made += _video_output(number, rung, wanted, out_dir)
    if wanted.has_audio:
        made += ["-map", "[sound]", "-vn", *_BITEXACT, "-flags:a", "+bitexact"]
        made += ["-c:a", "aac", "-b:a", "128k", "-ar", "48000"]
        made.append(f"file:{_audio_path(out_dir)}")
    return made


def filter_graph(wanted: Plan) -> str:
    # Constant rate comes before the split: all rungs then share every timestamp.
    first = [
        "bwdif" if wanted.deinterlace else "",
        f"fps={wanted.frame_rate}:start_time=0",
        _TO_SDR if wanted.to_sdr else "",
        f"split={len(wanted.rungs)}",
    ]
    pads = "".join(f"[s{n}]" for n in range(len(wanted.rungs)))
    chains = [f"[0:{wanted.video_index}]{','.join(f for f in first if f)}{pads}"]
    chains += [_scaling(n, rung) for n, rung in enumerate(wanted.rungs)]
    if wanted.has_audio:
        chains.append(_sound(wanted))
    return ";".join(chains)


def _scaling(number: int, rung: Rung) -> str:
    exact = "flags=bicubic+accurate_rnd+bitexact"
    colour = "out_color_matrix=bt709:out_range=tv"
    return (
        f"[s{number}]scale={rung.width}:{rung.height}:{exact}:{colour},"
        f"setsar=1,format=yuv420p[v{number}]"
    )


def _sound(wanted: Plan) -> str:
    # Sound ends with the picture: players need one time range for both.
    seconds = f"{wanted.duration_ms / 1000:.3f}"
    return (
        f"[0:{wanted.audio_index}]aresample=48000:async=1000:first_pts=0,"
        "aformat=sample_fmts=fltp:channel_layouts=stereo,"
        f"apad=whole_dur={seconds},atrim=end={seconds}[sound]"
    )


def _video_output(number: int, rung: Rung, wanted: Plan, out_dir: Path) -> list[str]:
    gop = str(max(1, round(Fraction(wanted.frame_rate) * GOP_SECONDS)))
    cap = rung.max_bit_rate
    return [
        *("-map", f"[v{number}]", "-an", "-sn", "-dn", *_BITEXACT),
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high"),
        *("-threads", ENCODER_THREADS, "-flags:v", "+bitexact"),
        *("-crf", "23", "-maxrate", str(cap), "-bufsize", str(2 * cap)),
        *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0"),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-movflags", "+faststart", f"file:{_video_path(out_dir, rung)}"),
    ]


def _video_path(out_dir: Path, rung: Rung) -> Path:
    return out_dir / f"encoded-{rung.name}.mp4"


def _audio_path(out_dir: Path) -> Path:
    return out_dir / "encoded-audio.m4a"


def weighted_seconds(wanted: Plan) -> float:
    """Encoding cost in seconds of 1080p30 (measured: cost grows with pixels^0.75)."""
    seconds = wanted.duration_ms / 1000
    pace = float(Fraction(wanted.frame_rate)) / 30
    sizes = [pow(r.width * r.height / 2_073_600, 0.75) for r in wanted.rungs]
    return float(seconds * pace * sum(sizes))


async def transcode(
    path: Path,
    wanted: Plan,
    out_dir: Path,
    *,
    engine: Engine,
    progress: Callable[[int], None] | None = None,
) -> Renditions:
    """Writes into `out_dir`, which belongs to this job alone."""
    budget = 120 + 20 * weighted_seconds(wanted) + 2 * wanted.duration_ms / 1000
    await encode(
        engine,
        arguments(path, wanted, out_dir),
        progress=Progress(wanted.duration_ms, progress),
        limits=Limits(seconds=budget, cpu_seconds=int(budget * 4)),
    )
    videos = tuple((rung, _video_path(out_dir, rung)) for rung in wanted.rungs)
    return Renditions(videos, _audio_path(out_dir) if wanted.has_audio else None)
