"""Narration: sentences spoken one by one, so that each cue's time is known by itself.

Nothing is listened for afterwards: a cue begins at the sample its sentence was laid at.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from ai_adapter import errors as ai
from ai_adapter.speech import Speech, Utterance
from media_agents.composing.arranging import SAMPLE_RATE, Arrangement
from media_agents.composing.pcm import Sounding, Taken, decode_sound, samples_in
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused, TryLater
from media_agents.pieces import Kept
from media_agents.speaking import VOICES
from media_agents.stills import clock
from schemas.timeline import Cue, Line

LANGUAGES = tuple(VOICES)
BETWEEN_SENTENCES_S = 0.2
# Measured with the voices we ship: seconds for a syllable of Chinese, for a letter.
WIDE_S, NARROW_S, BREATH_S = 0.25, 0.052, 0.3
_ENDS = re.compile("(?<=[\u3002!?;\uff01\uff1f\uff1b\u2026])\\s*|(?<=[.])\\s+|\n+")


class Utter(Struct, frozen=True):
    """One sentence: which line it belongs to, and whether it begins at a set time."""

    line: int
    text: str
    at: float | None
    wish: Utterance
    gain_db: float


def sentences(text: str) -> list[str]:
    """Broken after what ends a sentence in Chinese and in European languages."""
    clean = unicodedata.normalize("NFC", text)
    parts = (" ".join(each.split()) for each in _ENDS.split(clean))
    return [each for each in parts if any(c.isalnum() for c in each)]


def spoken_seconds(line: Line) -> float:
    """About how long a voice takes; what it really took is known once it has spoken."""
    said = sentences(line.text)
    letters = sum(_pace(each) for sentence in said for each in sentence)
    return letters + len(said) * BREATH_S


def _pace(letter: str) -> float:
    if not letter.isalnum():
        return 0.0
    return WIDE_S if unicodedata.east_asian_width(letter) in "WF" else NARROW_S


def utterances(lines: Sequence[Line]) -> list[Utter]:
    found = []
    for index, line in enumerate(lines):
        for number, text in enumerate(sentences(line.text)):
            wish = Utterance(text, line.language, line.voice)
            at = line.at if number == 0 else None
            found.append(Utter(index, text, at, wish, line.gain_db))
    return found


class Booth(Struct, frozen=True):
    """Where sentences are spoken; one that is `kept` is not spoken, nor paid, again."""

    speech: Speech
    engine: Engine
    folder: Path
    kept: Kept | None = None


async def narrate(
    lines: Sequence[Line],
    film: Arrangement,
    booth: Booth,
    tell: Callable[[float], None],
) -> tuple[list[Sounding], list[Cue]]:
    """Raises MediaRefused where words overlap or outlast the film."""
    placed: list[Sounding] = []
    cues: list[Cue] = []
    wanted = utterances(lines)
    free = 0
    for number, each in enumerate(wanted):
        path = await _voiced(each, f"said-{number}", booth)
        begin = free if each.at is None else round(each.at * SAMPLE_RATE)
        count = samples_in(path)
        _check(each, (begin, count), free, film)
        placed.append(Sounding(path, begin, count))
        cues.append(_cue(each.text, begin, count))
        free = begin + count + round(BETWEEN_SENTENCES_S * SAMPLE_RATE)
        tell((number + 1) / len(wanted))
    return placed, cues


def _cue(text: str, begin: int, count: int) -> Cue:
    start, end = begin / SAMPLE_RATE, (begin + count) / SAMPLE_RATE
    return Cue(round(start, 3), round(end, 3), text)


def _check(each: Utter, place: tuple[int, int], free: int, film: Arrangement) -> None:
    begin, count = place
    pointer = f"/narration/{each.line}"
    # The breath after a sentence is not the sentence.
    spoken = max(0, free - round(BETWEEN_SENTENCES_S * SAMPLE_RATE))
    if begin < spoken:
        raise MediaRefused(
            "narration_overlaps",
            f"{pointer}/at: the words before it last until {spoken / SAMPLE_RATE:.2f}"
            f" s, it begins at {begin / SAMPLE_RATE:.2f} s",
            "Let it begin later, or leave `at` out: then it follows by itself.",
        )
    if begin + count > film.samples(film.frames):
        raise MediaRefused(
            "narration_too_long",
            f"{pointer}: the words end at {(begin + count) / SAMPLE_RATE:.2f} s, "
            f"the film at {film.seconds:.2f} s",
            "Speak less, begin earlier, or add a title card at the end.",
        )


async def _voiced(each: Utter, name: str, booth: Booth) -> Path:
    """As PCM at the film's rate."""
    heard, target = (booth.folder / f"{name}.{kind}" for kind in ("wav", "pcm"))
    there = booth.kept is not None and await booth.kept.fetch(heard.name, heard)
    if not there:
        await _spoken(each, heard, booth.speech)
    await decode_sound(heard, target, booth.engine, Taken(gain_db=each.gain_db))
    if not samples_in(target):
        raise TryLater("speech_empty", "the voice said nothing")
    if booth.kept is not None and not there:
        await booth.kept.keep(heard.name, heard)
    return target


async def _spoken(each: Utter, heard: Path, speech: Speech) -> None:
    pointer = f"/narration/{each.line}"
    try:
        await speech.speak(each.wish, heard)
    except ai.Refused as no:
        remedy = "Choose another voice or language, or change the words."
        raise MediaRefused(no.code, f"{pointer}: {no.reason}", remedy) from no
    except ai.Misconfigured as wrong:
        reason = f"{pointer}: nobody can speak: {wrong}"
        remedy = "Mend the settings of the voices (CONTENTOPS_SPEECH_…)."
        raise MediaRefused("speech_misconfigured", reason, remedy) from wrong
    except (ai.TryLater, ai.AskAgain, ai.OutcomeUnknown) as later:
        raise TryLater("speech_later", f"{pointer}: {later}") from later


def captions(cues: Sequence[Cue]) -> str:
    """The spoken sentences as WebVTT."""
    lines = ["WEBVTT", ""]
    for cue in cues:
        clean = cue.text.replace("-->", "→").replace("&", "&amp;").replace("<", "&lt;")
        lines += [f"{clock(cue.start)} --> {clock(cue.end)}", clean, ""]
    return "\n".join(lines)
