"""The sound of a film: everything laid sample by sample, mixed, and encoded once."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from media_agents.composing.arranging import SAMPLE_RATE, Arrangement, Placed
from media_agents.composing.drawing import Footage
from media_agents.composing.pcm import (
    RAW,
    Sounding,
    Taken,
    decode_sound,
    lay,
    repeated,
)
from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.facts import Loudness
from media_agents.planning import Plan, Track
from media_agents.sounding import make_sound
from schemas.timeline import Clip, Music, Timeline

# Music steps back by about 12 dB within 20 ms of the first word, and comes back slowly.
DUCK = "sidechaincompress=threshold=0.015:ratio=8:attack=20:release=600:knee=4"
JOINED = "amix=inputs={count}:normalize=0:duration=longest"


async def mix(
    timeline: Timeline,
    film: Arrangement,
    footage: Mapping[str, Footage],
    said: Sequence[Sounding],
    folder: Path,
    *,
    engine: Engine,
) -> tuple[Path, Loudness] | None:
    """The sound as AAC and how loud it is; None where there is nothing to hear."""
    clips = await _clips(film, footage, folder, engine)
    total = film.samples(film.frames)
    tracks = [_laid(folder / "even.pcm", clips[::2], total)]
    tracks += [_laid(folder / "odd.pcm", clips[1::2], total)]
    tracks += [_laid(folder / "said.pcm", list(said), total)]
    voices = [each for each in await asyncio.gather(*tracks) if each is not None]
    music = await _music(timeline.music, footage, total, folder, engine)
    if not voices and music is None:
        return None
    mixed = folder / "mixed.wav"
    await _mixed(voices, music, timeline.music, film, mixed, engine)
    return await _encoded(mixed, film, folder / "sound.m4a", engine)


async def _clips(
    film: Arrangement, footage: Mapping[str, Footage], folder: Path, engine: Engine
) -> list[Sounding | None]:
    """Of every scene in order; a scene that is silent is None."""
    made: list[Sounding | None] = []
    for number, placed in enumerate(film.scenes):
        going = film.scenes[number + 1].shared if number + 1 < len(film.scenes) else 0
        target = folder / f"clip-{number:04}.pcm"
        made.append(await _clip(placed, going, film, footage, target, engine))
    return made


async def _clip(
    placed: Placed,
    going: int,
    film: Arrangement,
    footage: Mapping[str, Footage],
    target: Path,
    engine: Engine,
) -> Sounding | None:
    scene = placed.scene
    if not isinstance(scene, Clip) or scene.muted:
        return None
    found = footage[scene.source.name]
    if found.facts.sound is None:
        return None
    begin, end = film.samples(placed.begin), film.samples(placed.end)
    taken = Taken(
        stream=str(found.facts.sound.index),
        start=scene.start,
        samples=end - begin,
        gain_db=scene.gain_db,
        fade_in=film.samples(placed.begin + placed.shared) - begin,
        fade_out=end - film.samples(placed.end - going),
    )
    await decode_sound(found.path, target, engine, taken=taken)
    return Sounding(target, begin, end - begin)


async def _laid(
    track: Path, pieces: Sequence[Sounding | None], samples: int
) -> Path | None:
    there = [each for each in pieces if each is not None]
    if not there:
        return None
    return await asyncio.to_thread(lay, track, there, samples)


async def _music(
    music: Music | None,
    footage: Mapping[str, Footage],
    samples: int,
    folder: Path,
    engine: Engine,
) -> Path | None:
    if music is None:
        return None
    found = footage[music.source.name]
    stream = found.facts.sound.index if found.facts.sound else 0
    rest = found.facts.seconds - music.start if found.facts.seconds else 0.0
    there = min(samples, max(1, round(rest * SAMPLE_RATE)))
    taken = Taken(
        stream=str(stream), start=music.start, samples=there, gain_db=music.gain_db
    )
    once = folder / "music.pcm"
    await decode_sound(found.path, once, engine, taken=taken)
    times = repeated(once, samples, loop=music.loop)
    return await asyncio.to_thread(lay, folder / "along.pcm", times, samples)


async def _mixed(
    voices: Sequence[Path],
    music: Path | None,
    wish: Music | None,
    film: Arrangement,
    target: Path,
    engine: Engine,
) -> None:
    given = [*voices, *([music] if music else [])]
    inputs = [part for path in given for part in (*RAW, "-i", f"file:{path}")]
    allowed = 120 + film.seconds
    await encode(
        engine,
        [
            *(*inputs, "-filter_complex", graph(len(voices), wish, film.seconds)),
            *("-map", "[mixed]", "-c:a", "pcm_f32le", "-fflags", "+bitexact"),
            *("-flags:a", "+bitexact", f"file:{target}"),
        ],
        progress=Progress(0, None),
        limits=Limits(seconds=allowed, cpu_seconds=int(2 * allowed)),
    )


def graph(voices: int, music: Music | None, seconds: float) -> str:
    """Voices come first, then music; it steps back for any of them."""
    spoken = "".join(f"[{number}]" for number in range(voices))
    chains = []
    if voices:
        chains.append(f"{spoken}{JOINED.format(count=voices)}[voices]")
    if music is None:
        return ";".join([*chains, "[voices]anull[mixed]"])
    chains.append(f"[{voices}]{_ending(music, seconds)}[along]")
    if not voices:
        return ";".join([*chains, "[along]anull[mixed]"])
    if music.duck:
        chains.append("[voices]asplit[heard][key]")
        chains.append(f"[along][key]{DUCK}[under]")
    else:
        chains += ["[voices]anull[heard]", "[along]anull[under]"]
    return ";".join([*chains, f"[heard][under]{JOINED.format(count=2)}[mixed]"])


def _ending(music: Music, seconds: float) -> str:
    if not music.fade_out:
        return "anull"
    length = min(music.fade_out, seconds)
    return f"afade=t=out:st={seconds - length:.6f}:d={length:.6f}"


async def _encoded(
    mixed: Path, film: Arrangement, target: Path, engine: Engine
) -> tuple[Path, Loudness]:
    lasting = Plan(
        rungs=(),
        frame_rate=f"{film.rate.numerator}/{film.rate.denominator}",
        duration_ms=round(film.seconds * 1000),
        video_index=-1,
    )
    heard = await make_sound(mixed, Track(0), lasting, target, engine=engine)
    return target, heard
