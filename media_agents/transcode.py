"""Encodes what a plan wants: one process, one decode, one file per rung."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from media_agents.engines.ffmpeg import (
    INPUT_GUARD,
    MAX_PIXELS,
    Engine,
    Limits,
    Progress,
    encode,
)
from media_agents.planning import Plan, Rung, Track, weighted_seconds
from media_agents.sounding import make_sound

GOP_SECONDS = 2
# The number of threads changes the bits of the result, so it is never "auto".
ENCODER_THREADS = "2"
_BITEXACT = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")
_TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)


@dataclass(frozen=True, slots=True)
class Renditions:
    """Local files; sound as AAC, words as WebVTT."""

    videos: tuple[tuple[Rung, Path], ...]
    sounds: tuple[tuple[Track, Path], ...] = ()
    captions: tuple[tuple[Track, Path], ...] = ()


def arguments(path: Path, wanted: Plan, out_dir: Path) -> list[str]:
    """One process: decode once, split, encode every rung, take words along."""
    guarded = (*INPUT_GUARD, "-max_pixels", str(MAX_PIXELS), "-i", f"file:{path}")
    made = ["-max_alloc", str(512 << 20), *guarded]
    if graph := filter_graph(wanted):
        made += ["-filter_complex", graph]
    if wanted.copies:
        made += _copied_picture(wanted, out_dir)
    for number, rung in enumerate(wanted.encoded):
        made += _video_output(number, rung, wanted, out_dir)
    for number, track in enumerate(wanted.captions):
        made += ["-map", f"0:{track.index}", *_BITEXACT, "-c:s", "webvtt"]
        made.append(f"file:{_caption_path(out_dir, number)}")
    return made


def filter_graph(wanted: Plan) -> str:
    """Empty where the picture is copied and nothing else is made of it."""
    if not wanted.encoded:
        return ""
    pads = "".join(f"[s{n}]" for n in range(len(wanted.encoded)))
    first = [*_prepared(wanted), f"split={len(wanted.encoded)}"]
    chains = [f"[0:{wanted.video_index}]{','.join(first)}{pads}"]
    chains += [
        _scaling(n, rung, boxed=wanted.boxed) for n, rung in enumerate(wanted.encoded)
    ]
    return ";".join(chains)


def _prepared(wanted: Plan) -> list[str]:
    # Constant rate comes before the split: all rungs then share every timestamp.
    # Beside a copied picture every frame of the source has to stay.
    steps = [
        "bwdif" if wanted.deinterlace else "",
        "" if wanted.copies else f"fps={wanted.frame_rate}:start_time=0",
        _TO_SDR if wanted.to_sdr else "",
    ]
    return [each for each in steps if each]


def _scaling(number: int, rung: Rung, *, boxed: bool) -> str:
    exact = "flags=bicubic+accurate_rnd+bitexact"
    colour = "out_color_matrix=bt709:out_range=tv"
    size = f"{rung.width}:{rung.height}"
    steps = [f"scale={size}:{exact}:{colour}", "setsar=1", "format=yuv420p"]
    if boxed:
        within = "force_original_aspect_ratio=decrease:force_divisible_by=2"
        steps = [
            # Pixels that are not square first: what is kept below is their shape.
            f"scale=iw*sar:ih:{exact}:{colour}",
            "setsar=1",
            f"scale={size}:{within}:{exact}",
            "format=yuv420p",
            f"pad={size}:-1:-1",
        ]
    return f"[s{number}]{','.join(steps)}[v{number}]"


def _copied_picture(wanted: Plan, out_dir: Path) -> list[str]:
    return [
        *("-map", f"0:{wanted.video_index}", "-an", "-sn", "-dn", *_BITEXACT),
        *("-c:v", "copy", "-movflags", "+faststart"),
        f"file:{_video_path(out_dir, wanted.rungs[0])}",
    ]


def _video_output(number: int, rung: Rung, wanted: Plan, out_dir: Path) -> list[str]:
    cap = rung.max_bit_rate
    return [
        *("-map", f"[v{number}]", "-an", "-sn", "-dn", *_BITEXACT),
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high"),
        *("-threads", ENCODER_THREADS, "-flags:v", "+bitexact"),
        *("-crf", "23", "-maxrate", str(cap), "-bufsize", str(2 * cap)),
        *_key_frames(wanted),
        *(() if wanted.edit_list else ("-bf", "0")),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *("-movflags", "+faststart", f"file:{_video_path(out_dir, rung)}"),
    ]


def _key_frames(wanted: Plan) -> tuple[str, ...]:
    """Every two seconds, or exactly where the copied picture has them."""
    if wanted.copies:
        return ("-force_key_frames", "source", "-g", "9999", "-keyint_min", "1",
                "-sc_threshold", "0")  # fmt: skip
    gop = str(max(1, round(Fraction(wanted.frame_rate) * GOP_SECONDS)))
    return ("-g", gop, "-keyint_min", gop, "-sc_threshold", "0")


def _video_path(out_dir: Path, rung: Rung) -> Path:
    return out_dir / f"encoded-{rung.name}.mp4"


def _sound_path(out_dir: Path, number: int) -> Path:
    return out_dir / f"encoded-sound-{number}.m4a"


def _caption_path(out_dir: Path, number: int) -> Path:
    return out_dir / f"encoded-words-{number}.vtt"


async def transcode(
    path: Path,
    wanted: Plan,
    out_dir: Path,
    *,
    engine: Engine,
    progress: Callable[[int], None] | None = None,
) -> Renditions:
    """Writes into `out_dir`, which belongs to this job alone."""
    budget = 120 + 20 * weighted_seconds(wanted) + 2 * wanted.seconds
    await encode(
        engine,
        arguments(path, wanted, out_dir),
        progress=Progress(wanted.duration_ms, progress),
        limits=Limits(seconds=budget, cpu_seconds=int(budget * 4)),
    )
    return Renditions(
        tuple((rung, _video_path(out_dir, rung)) for rung in wanted.rungs),
        await _sounds(path, wanted, out_dir, engine),
        tuple((t, _caption_path(out_dir, n)) for n, t in enumerate(wanted.captions)),
    )


async def _sounds(
    path: Path, wanted: Plan, out_dir: Path, engine: Engine
) -> tuple[tuple[Track, Path], ...]:
    made = []
    for number, track in enumerate(wanted.sounds):
        target = _sound_path(out_dir, number)
        await make_sound(path, track, wanted, target, engine=engine)
        made.append((track, target))
    return tuple(made)
