"""What is said in a video, as cues: heard by a service, on this machine, or known."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from ai_adapter.base import Usage
from ai_adapter.errors import (
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from ai_adapter.price_book import total
from ai_adapter.transcription import Hear, Said, Transcriber, Transcript
from media_agents import errors
from media_agents.subtitles.aligning import aligned
from media_agents.subtitles.anchoring import Run
from media_agents.subtitles.cues import cues_of
from media_agents.subtitles.listening import BYTES, RATE, Sound, cut, wave
from media_agents.subtitles.recognising import recognised
from media_agents.subtitles.rules import Cue, Language, primary, rules_for
from media_agents.subtitles.words import Word, pieces, spread

# Of sound sent at once: enough context, little to repeat.
PIECE_S = 600.0
# The recogniser here gets slower with length.
SHORT_PIECE_S = 30.0
HEADER = 44


class Made(Struct, frozen=True):
    cues: list[Cue]
    confidence: str
    provider: str = ""
    model_name: str = ""
    usage: Usage = Usage(0, 0, None, "")


async def from_script(text: str, tag: str, sound: Sound, *, upright: bool) -> Made:
    words = await aligned(text, tag, sound)
    language = rules_for(tag, upright=upright)
    return Made(await asyncio.to_thread(cues_of, words, language), "exact")


async def from_hearing(
    sound: Sound, tag: str, transcriber: Transcriber | None, *, upright: bool
) -> Made:
    """Raises MediaRefused where nothing is said, or nobody here could hear it."""
    if not sound.runs:
        raise _silent()
    if transcriber is not None:
        return await _by_service(sound, tag, transcriber, upright=upright)
    if primary(tag) != "en":
        raise errors.MediaRefused(
            "no_transcription",
            f"no service is set up that hears {tag}",
            "Send the script, upload subtitles, or set CONTENTOPS_ASR_BASE_URL and "
            "CONTENTOPS_ASR_MODEL",
        )
    return await _by_this_machine(sound, tag, upright=upright)


async def _by_this_machine(sound: Sound, tag: str, *, upright: bool) -> Made:
    heard = await recognised(sound, cut(sound, SHORT_PIECE_S))
    words = [Word(w.text, round(w.start * 1000), round(w.end * 1000)) for w in heard]
    if not words:
        raise _silent()
    cues = await asyncio.to_thread(cues_of, words, rules_for(tag, upright=upright))
    return Made(cues, "low", "pocketsphinx", "en-us")


async def _by_service(
    sound: Sound, tag: str, transcriber: Transcriber, *, upright: bool
) -> Made:
    language = rules_for(tag, upright=upright)
    most = (transcriber.ears.most_bytes - HEADER) / BYTES / RATE
    told: list[Transcript] = []
    words: list[Word] = []
    for piece in cut(sound, min(PIECE_S, most)):
        told.append(await _asked(transcriber, sound, piece, tag))
        words += await _timed(told[-1], piece, sound, tag)
    if not words:
        raise _silent()
    usage = total(tuple(each.usage for each in told))
    last = told[-1]
    cues = await asyncio.to_thread(cues_of, words, language)
    return Made(cues, "high", last.provider, last.model_name, usage)


async def _asked(
    transcriber: Transcriber, sound: Sound, piece: Run, tag: str
) -> Transcript:
    asked = Hear(sound=wave(sound, piece), seconds=piece.seconds, language=primary(tag))
    try:
        return await transcriber.hear(asked)
    except Refused as no:
        raise errors.MediaRefused(no.code, no.reason) from no
    except Misconfigured as wrong:
        raise errors.MediaRefused(
            "asr_misconfigured",
            f"the service that hears refused us: {wrong}",
            "Ask whoever runs this installation to mend its CONTENTOPS_ASR_ settings",
        ) from wrong
    except (TryLater, AskAgain, OutcomeUnknown) as trouble:
        raise errors.TryLater("asr_unavailable", str(trouble)) from trouble


async def _timed(found: Transcript, piece: Run, sound: Sound, tag: str) -> list[Word]:
    """With the best times the service told; without any they are found here."""
    language = rules_for(tag)
    if found.words:
        return marked(found.text, _moved(found.words, piece), language)
    if found.segments:
        return [
            word
            for each in _moved(found.segments, piece)
            for word in spread(each.text, each.start_ms, each.end_ms, language)
        ]
    part = within(sound, piece)
    if not found.text or not part.runs:
        return []
    return await aligned(found.text, tag, part)


def _moved(said: Sequence[Said], piece: Run) -> list[Word]:
    return [
        Word(
            each.text,
            round((piece.start + each.start) * 1000),
            round((piece.start + each.end) * 1000),
        )
        for each in said
    ]


def within(sound: Sound, piece: Run) -> Sound:
    """The same sound, silent but for one piece."""
    cut_off = [
        (max(start, piece.start), min(end, piece.end)) for start, end in sound.silences
    ]
    inside = tuple((start, end) for start, end in cut_off if start < end)
    return Sound(sound.path, piece.end, ((0.0, piece.start), *inside))


def marked(text: str, words: Sequence[Word], language: Language) -> list[Word]:
    """Words are told without their marks; the text has these and the blanks.

    Where the two do not say the same, the words alone count.
    """
    parts = pieces(text, language)
    if "".join(_letters(part) for part, _ in parts) != "".join(
        _letters(word.text) for word in words
    ):
        return _unmarked(words, language)
    times = [time for word in words for time in _letter_times(word)]
    found: list[Word] = []
    at = 0
    for part, space in parts:
        count = len(_letters(part))
        mine = times[at : at + count] or [times[min(at, len(times) - 1)]]
        found.append(Word(part, mine[0][0], mine[-1][1], space))
        at += count
    return found


def _unmarked(words: Sequence[Word], language: Language) -> list[Word]:
    spaced = not language.wide
    return [Word(w.text, w.start_ms, w.end_ms, space=spaced) for w in words]


def _letters(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


def _letter_times(word: Word) -> list[tuple[int, int]]:
    count = len(_letters(word.text))
    lasts = word.end_ms - word.start_ms
    moments = [word.start_ms + lasts * n // max(count, 1) for n in range(count + 1)]
    return list(pairwise(moments))


def _silent() -> errors.MediaRefused:
    return errors.MediaRefused(
        "no_speech", "nothing is said in the video", "Upload subtitles instead"
    )
