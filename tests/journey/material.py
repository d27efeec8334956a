"""What the journey begins with: a clip in which somebody speaks, and music."""

from dataclasses import dataclass
from pathlib import Path

from media_agents.engines.ffmpeg import Engine
from tests.fixtures.fix_media import ffmpeg
from tests.fixtures.fix_speech import speech

SENTENCES = ("欢迎回到我们的工作室。", "今天我们一起装一盏灯。")
LEAST_S = 6
SECOND_LINE = 1
BETTER_WORDS = "今天我们一起装一盏夜骑灯。"


@dataclass(frozen=True, slots=True)
class Material:
    """`sentences` are what is said in the clip, `times` when, in seconds.

    Of a clip of somebody else's nobody knows what is said: it gets a file of words.
    """

    clip: Path
    music: Path
    sentences: tuple[str, ...] = ()
    times: tuple[tuple[float, float], ...] = ()


def own(engine: Engine, folder: Path) -> Material:
    """Uncompressed 4:2:2, as a cutting room gives it: large enough for parts.

    Of three scenes, so that there are covers to choose from.
    """
    spoken = speech(folder / "speech.wav", list(SENTENCES), "zh")
    seconds = max(LEAST_S, spoken.seconds)
    clip = folder / "workshop.mov"
    size = f"s=640x360:r=25:d={seconds / 3}"
    pictures = (f"testsrc2={size}", f"smptehdbars={size}", f"gradients={size}:seed=7")
    scenes = [part for each in pictures for part in ("-f", "lavfi", "-i", each)]
    ffmpeg(
        engine,
        *[*scenes, "-i", str(spoken.path), "-filter_complex"],
        *["[0][1][2]concat=n=3,format=uyvy422[v];[3]apad[a]", "-map", "[v]"],
        *["-map", "[a]", "-t", str(seconds), "-c:v", "rawvideo"],
        *["-c:a", "pcm_s16le", str(clip)],
    )
    return Material(clip, music(engine, folder), SENTENCES, spoken.times)


def of(engine: Engine, folder: Path, clip: Path | None) -> Material:
    """Ours, or somebody's clip of which nobody knows what is said in it."""
    if clip is None:
        return own(engine, folder)
    return Material(clip, music(engine, folder))


def music(engine: Engine, folder: Path) -> Path:
    """Three notes at once; it is shorter than any film, so it is played again."""
    path = folder / "music.m4a"
    notes = "0.1*(sin(2*PI*220*t)+sin(2*PI*277*t)+sin(2*PI*330*t))"
    sound = f"aevalsrc='{notes}':s=48000:d=4"
    ffmpeg(engine, "-f", "lavfi", "-i", sound, "-c:a", "aac", "-b:a", "128k", path)
    return path
