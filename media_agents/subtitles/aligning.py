"""When the words of a known script are said: by silences, English also by sounds."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from media_agents.errors import MediaRefused
from media_agents.subtitles.anchoring import Group, Run, grouped, moment, sums
from media_agents.subtitles.listening import Sound
from media_agents.subtitles.recognising import Heard, Piece, found
from media_agents.subtitles.rules import Language, primary, rules_for
from media_agents.subtitles.words import ENDS, PAUSES, Word, pieces, weight

# A word with its marks, and whether a blank is before it.
Part: TypeAlias = tuple[str, bool]
# Longer than any word takes: the recogniser lost its way.
LONGEST_WORD_S = 3.0


async def aligned(text: str, tag: str, sound: Sound) -> list[Word]:
    """Every word of the text, in order; raises MediaRefused where nothing is said."""
    sentences = await asyncio.to_thread(sentences_of, text, rules_for(tag))
    if not sentences:
        raise MediaRefused(
            "no_words", "the script has no words", "Send what is said in the video."
        )
    if not sound.runs:
        raise MediaRefused(
            "no_speech", "nothing is heard in the video", "Upload subtitles instead."
        )
    weights = [_said(each) for each in sentences]
    groups = await asyncio.to_thread(grouped, weights, sound.runs)
    told = [_flat(sentences[each.first : each.last]) for each in groups]
    heard = await _heard(told, groups, sound) if primary(tag) == "en" else []
    return await asyncio.to_thread(_placed, told, groups, heard)


def _placed(
    told: Sequence[list[Part]], groups: Sequence[Group], heard: Sequence[list[Heard]]
) -> list[Word]:
    words: list[Word] = []
    for place, (parts, group) in enumerate(zip(told, groups, strict=True)):
        known = by_sound(parts, group.span, heard[place]) if heard else []
        words += known or by_silence(parts, group.runs)
    return words


def sentences_of(text: str, language: Language) -> list[list[Part]]:
    """A line of the script ends a sentence, too."""
    lines = (pieces(line, language) for line in text.splitlines())
    cut = (each for line in lines for each in _cut(line, _is_end))
    return [each for each in cut if _said(each) > 0]


def _cut(parts: Sequence[Part], ends: Callable[[str], bool]) -> list[list[Part]]:
    found: list[list[Part]] = [[]]
    for part in parts:
        found[-1].append(part)
        if ends(part[0]):
            found.append([])
    return [each for each in found if each]


def _is_end(word: str) -> bool:
    return bool(ENDS.search(word))


def _is_pause(word: str) -> bool:
    return bool(PAUSES.search(word)) or _is_end(word)


def _flat(sentences: Sequence[list[Part]]) -> list[Part]:
    return [part for each in sentences for part in each]


def _said(parts: Sequence[Part]) -> float:
    return sum(weight(word) for word, _ in parts)


async def _heard(
    told: Sequence[list[Part]], groups: Sequence[Group], sound: Sound
) -> list[list[Heard]]:
    texts = [" ".join(word for word, _ in parts) for parts in told]
    spans = [group.span for group in groups]
    return await found(
        sound,
        [Piece(s.start, s.end, t) for s, t in zip(spans, texts, strict=True)],
    )


def by_silence(parts: Sequence[Part], runs: Sequence[Run]) -> list[Word]:
    """Clauses onto the runs of speech, words evenly inside them."""
    clauses = _cut(parts, _is_pause)
    words: list[Word] = []
    for group in grouped([_said(each) for each in clauses], runs):
        words += _evenly(_flat(clauses[group.first : group.last]), group.runs)
    return words


def _evenly(parts: Sequence[Part], runs: Sequence[Run]) -> list[Word]:
    said = sums([weight(word) for word, _ in parts])
    pace = sum(run.seconds for run in runs) / said[-1]
    return [
        Word(
            word,
            round(moment(runs, before * pace, after=True) * 1000),
            round(moment(runs, end * pace) * 1000),
            space,
        )
        for (word, space), before, end in zip(parts, said, said[1:], strict=False)
    ]


def by_sound(parts: Sequence[Part], span: Run, heard: Sequence[Heard]) -> list[Word]:
    """Empty unless every word that can be said was found once, in order."""
    speakable = [bool(re.search(r"[a-z0-9]", word.lower())) for word, _ in parts]
    long = any(each.end - each.start > LONGEST_WORD_S for each in heard)
    if long or not heard or sum(speakable) != len(heard):
        return []
    words: list[Word] = []
    rest = iter(heard)
    at = span.start
    for (word, space), said in zip(parts, speakable, strict=True):
        place = next(rest) if said else Heard("", at, at)
        at = place.end
        words.append(Word(word, round(place.start * 1000), round(at * 1000), space))
    return _to_the_ends(words, span)


def _to_the_ends(words: list[Word], span: Run) -> list[Word]:
    """Silences tell more exactly than sounds when a sentence begins and ends."""
    first, last = words[0], words[-1]
    words[0] = Word(first.text, round(span.start * 1000), first.end_ms, first.space)
    last = words[-1]
    words[-1] = Word(last.text, last.start_ms, round(span.end * 1000), last.space)
    return words
