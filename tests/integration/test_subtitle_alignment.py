"""Where the words of a known script are found in speech, measured."""

import statistics
from pathlib import Path

import pytest

from fixtures.fix_media import ffmpeg
from fixtures.fix_speech import Spoken, speech
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.subtitles.aligning import aligned, sentences_of
from media_agents.subtitles.listening import Sound, sound_of
from media_agents.subtitles.recognising import Piece, found
from media_agents.subtitles.rules import rules_for

SCRIPTS = {
    "en": [
        "Welcome back to the workshop.",
        "Today we build a lamp that follows the sun, and everybody can do it at home.",
        "You need a board, two motors and a battery.",
        "Are you ready?",
        "Then let us begin with the frame, which is made of wood.",
        "The list of parts is below the video.",
    ],
    "zh": [
        "大家好，欢迎回到我们的频道。",
        "今天我们来介绍人工智能的历史，以及它为什么会改变我们的生活。",
        "首先，从一九五六年的会议说起。",
        "准备好了吗？",
        "那一年，几位科学家第一次提出了这个名字。",
        "谢谢观看，我们下期再见。",
    ],
}


async def listened(spoken: Spoken, engine: Engine, folder: Path) -> Sound:
    return await sound_of(spoken.path, 0, engine, spoken.seconds, folder)


async def errors(spoken: Spoken, tag: str, engine: Engine, folder: Path) -> list[float]:
    """How far off the beginning and the end of each sentence are, in seconds."""
    text = "".join(f"{each} " for each in SCRIPTS[tag])
    words = await aligned(text, tag, await listened(spoken, engine, folder))
    found: list[float] = []
    at = 0
    for parts, times in zip(
        sentences_of(text, rules_for(tag)), spoken.times, strict=True
    ):
        first, last = words[at], words[at + len(parts) - 1]
        at += len(parts)
        found += [abs(first.start_ms / 1000 - times[0])]
        found += [abs(last.end_ms / 1000 - times[1])]
    assert at == len(words)
    return found


@pytest.mark.parametrize("tag", ["en", "zh"])
@pytest.mark.parametrize("noise", [False, True], ids=["clean", "hiss"])
async def test_sentences_are_found_where_they_are_said(
    tag: str, noise: bool, engine: Engine, tmp_path: Path
) -> None:
    spoken = speech(tmp_path / "speech.wav", SCRIPTS[tag], tag)
    if noise:
        spoken = with_hiss(spoken, engine)

    off = await errors(spoken, tag, engine, tmp_path)

    assert statistics.median(off) <= 0.1
    assert max(off) <= 0.3


def with_hiss(spoken: Spoken, engine: Engine) -> Spoken:
    path = spoken.path.with_name("hiss.wav")
    hiss = f"anoisesrc=d={spoken.seconds}:c=pink:a=0.004:r=22050:seed=1"
    mix = "[0][1]amix=inputs=2:duration=first:normalize=0"
    ffmpeg(
        engine,
        "-i",
        spoken.path,
        "-f",
        "lavfi",
        "-i",
        hiss,
        "-filter_complex",
        mix,
        path,
    )
    return Spoken(path, spoken.times, spoken.seconds, spoken.words)


@pytest.mark.parametrize("tag", ["en", "zh"])
async def test_a_hurried_speaker_is_followed(
    tag: str, engine: Engine, tmp_path: Path
) -> None:
    pauses = (0.2, 0.35, 0.9, 0.15)
    spoken = speech(tmp_path / "speech.wav", SCRIPTS[tag], tag, before=0, pauses=pauses)

    off = await errors(spoken, tag, engine, tmp_path)

    assert statistics.median(off) <= 0.1
    assert max(off) <= 0.3


async def test_english_words_are_found_by_their_sounds(
    engine: Engine, tmp_path: Path
) -> None:
    spoken = speech(tmp_path / "speech.wav", SCRIPTS["en"], "en")
    text = " ".join(SCRIPTS["en"])
    sound = await listened(spoken, engine, tmp_path)

    told = zip(spoken.times, SCRIPTS["en"], strict=True)
    pieces = [Piece(*times, said) for times, said in told]
    heard = [word for each in await found(sound, pieces) for word in each]
    words = await aligned(text, "en", sound)

    assert [each.text for each in heard] == spelt(text)
    off = [abs(words[n].start_ms / 1000 - at) for n, at in spoken.words.items()]
    assert len(off) > 40
    assert statistics.median(off) <= 0.05
    assert max(off) <= 0.3


def spelt(text: str) -> list[str]:
    return [word.lower().strip(".,?") for word in text.split()]


async def test_words_nobody_knows_are_found_where_they_are_said(
    engine: Engine, tmp_path: Path
) -> None:
    text = "The Zorblax 42 costs $7, says Xiaohongshu!"
    spoken = speech(tmp_path / "speech.wav", [text], "en")

    words = await aligned(text, "en", await listened(spoken, engine, tmp_path))

    assert [word.text for word in words] == text.split()
    assert words[0].start_ms / 1000 == pytest.approx(spoken.times[0][0], abs=0.1)
    assert words[-1].end_ms / 1000 == pytest.approx(spoken.times[0][1], abs=0.1)


async def test_sound_begins_with_the_first_frame(
    engine: Engine, tmp_path: Path
) -> None:
    """Sound that lies later in the file is later in the cues."""
    spoken = speech(tmp_path / "speech.wav", SCRIPTS["en"][:1], "en", before=0.5)
    video = tmp_path / "late.mkv"
    picture = ("-f", "lavfi", "-i", "color=s=64x64:r=25:d=6")
    late = ("-itsoffset", "2", "-i", spoken.path)
    ffmpeg(engine, *picture, *late, "-c:v", "libx264", "-c:a", "pcm_s16le", video)

    sound = await sound_of(video, 1, engine, 6.0, tmp_path)

    assert sound.runs[0].start == pytest.approx(2.5, abs=0.05)


async def test_silence_is_no_speech(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    ffmpeg(engine, "-f", "lavfi", "-i", "anullsrc=d=2:r=16000:cl=mono", path)
    sound = await sound_of(path, 0, engine, 2.0, tmp_path)

    with pytest.raises(MediaRefused) as no:
        await aligned("Hello there.", "en", sound)

    assert no.value.code == "no_speech"
