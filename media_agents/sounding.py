"""Sound as players want it: stereo, 48 kHz, as long as the picture, equally loud.

A static gain and a limiter, measured again after the encoder, which changes peaks;
`loudnorm` fails on silence and is far off for a second of sound (media.md 6).
"""

from pathlib import Path

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import INPUT_GUARD, Engine, Progress, encode
from media_agents.facts import Loudness
from media_agents.loudness import SILENCE, loudness
from media_agents.planning import Plan, Track

TARGET_LUFS = -14.0
PEAK_DB = -1.0
# Measured in tenths: 0.3 off counts as near.
NEAR_LU = 0.35
ROUNDS = 4
# The encoder adds peaks of about half a decibel.
LIMIT_DB = -2.0
BIT_RATE = "128k"
MOST_GAIN_DB = 40.0
EXACT = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")


async def make_sound(
    path: Path, track: Track, wanted: Plan, target: Path, *, engine: Engine
) -> Loudness:
    """Writes AAC; what it measures at the end. Silence stays silence."""
    found = await loudness(path, track.index, engine, wanted.seconds)
    gain, limit, heard = _gain(found, TARGET_LUFS), LIMIT_DB, found
    if gain is not None and found.peak_db + gain > limit:
        # What the limiter will take is cheaper to hear before the encoder than after.
        limited = chain(wanted.seconds, gain, limit)
        soft = await loudness(path, track.index, engine, wanted.seconds, limited)
        gain = _more(gain, soft)
    for _ in range(ROUNDS):
        await _encode(path, track, wanted, target, (gain, limit), engine)
        heard = await loudness(target, 0, engine, wanted.seconds)
        if _good(heard) or gain is None:
            break
        gain = _more(gain, heard)
        limit -= max(0.0, heard.peak_db - PEAK_DB)
    return heard


def _gain(found: Loudness, target: float) -> float | None:
    if found.lufs <= SILENCE.lufs:
        return None
    return min(target - found.lufs, MOST_GAIN_DB)


def _more(gain: float, heard: Loudness) -> float:
    return min(gain + TARGET_LUFS - heard.lufs, MOST_GAIN_DB)


def _good(heard: Loudness) -> bool:
    return abs(heard.lufs - TARGET_LUFS) <= NEAR_LU and heard.peak_db <= PEAK_DB


async def _encode(
    path: Path,
    track: Track,
    wanted: Plan,
    target: Path,
    level: tuple[float | None, float],
    engine: Engine,
) -> None:
    allowed = 60 + wanted.seconds
    await encode(
        engine,
        [
            *(*INPUT_GUARD, "-i", f"file:{path}", "-map", f"0:{track.index}", "-vn"),
            *("-af", chain(wanted.seconds, *level), *EXACT, "-flags:a", "+bitexact"),
            *("-c:a", "aac", "-b:a", BIT_RATE, "-ar", "48000", f"file:{target}"),
        ],
        progress=Progress(wanted.duration_ms, None),
        limits=Limits(seconds=allowed, cpu_seconds=int(2 * allowed)),
    )


def chain(seconds: float, gain: float | None, limit: float) -> str:
    """Sound ends with the picture: players need one time range for both."""
    louder = (
        []
        if gain is None
        else [
            f"volume={gain:.2f}dB:precision=float",
            # It looks 5 ms ahead; without `latency` all sound would come as much late.
            f"alimiter=level=false:latency=true:limit={10 ** (limit / 20):.4f}",
        ]
    )
    steps = [
        "aresample=48000:async=1000:first_pts=0",
        "aformat=sample_fmts=fltp:channel_layouts=stereo",
        *louder,
        f"apad=whole_dur={seconds:.3f}",
        f"atrim=end={seconds:.3f}",
        "aformat=sample_rates=48000:channel_layouts=stereo",
    ]
    return ",".join(steps)
