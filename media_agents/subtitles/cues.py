"""Words with times into cues: cut at sentences, then where a reader would breathe."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec.structs import replace

from media_agents.subtitles.rules import (
    GAP_MS,
    LATEST_MS,
    LINES,
    LONGEST_MS,
    SHORTEST_MS,
    Cue,
    Language,
    length,
    speed,
)
from media_agents.subtitles.words import (
    ENDS,
    Word,
    best_cut,
    joined,
    lined,
    ordered,
    spread,
    tidy,
)

# So long a silence ends a cue whatever was said.
SILENCE_MS = 1_000


def cues_of(words: Sequence[Word], language: Language) -> list[Cue]:
    """Readable cues in order; what cannot be read in its time is told by `faults`."""
    groups: list[list[Word]] = []
    for sentence in _sentences(ordered(words)):
        groups += _parts(sentence, language)
    return _timed([_cue(group, language) for group in groups], language)


def mended(cues: Sequence[Cue], language: Language) -> list[Cue]:
    """The same words, broken and timed by the rules as far as they can be.

    A cue whose lines are good keeps them.
    """
    done: list[Cue] = []
    for cue in _apart(cues):
        if _lines_good(cue, language):
            done.append(_tidied(cue, language))
        else:
            words = _words(cue, language)
            done += [_cue(part, language) for part in _parts(words, language)]
    return _timed(done, language)


def _apart(cues: Sequence[Cue]) -> Iterator[Cue]:
    """In order of time; one that is still shown when the next begins ends earlier."""
    there = [each for each in cues if any(line.strip() for line in each.lines)]
    found = sorted(there, key=lambda each: (each.start_ms, each.end_ms))
    at = 0
    for place, cue in enumerate(found):
        follows = found[place + 1].start_ms if place + 1 < len(found) else LATEST_MS
        start = min(max(cue.start_ms, at), LATEST_MS - SHORTEST_MS)
        end = min(max(cue.end_ms, start + 1), max(follows, start + 1), LATEST_MS)
        at = end
        yield Cue(start, end, cue.lines)


def _words(cue: Cue, language: Language) -> list[Word]:
    # The reader has the whole time, but a part of a long cue must not be too long.
    glue = "" if language.wide else " "
    return spread(glue.join(cue.lines), cue.start_ms, cue.end_ms, language)


def _lines_good(cue: Cue, language: Language) -> bool:
    widths = [length(tidy(line, language), language) for line in cue.lines]
    few = len(cue.lines) <= LINES and cue.lasts <= LONGEST_MS
    return few and max(widths) <= language.line


def _tidied(cue: Cue, language: Language) -> Cue:
    return replace(cue, lines=tuple(tidy(line, language) for line in cue.lines))


def _timed(cues: Sequence[Cue], language: Language) -> list[Cue]:
    """Parts of a cue too short for its words begin together until they are apart."""
    return _stretched(_merged(list(_apart(cues)), language), language)


def _cue(words: Sequence[Word], language: Language) -> Cue:
    start = words[0].start_ms
    return Cue(start, max(words[-1].end_ms, start + 1), lined(words, language))


def _sentences(words: Sequence[Word]) -> Iterator[list[Word]]:
    found: list[Word] = []
    for word in words:
        if found and word.start_ms - found[-1].end_ms >= SILENCE_MS:
            yield found
            found = []
        found.append(word)
        if ENDS.search(word.text):
            yield found
            found = []
    if found:
        yield found


def _parts(words: Sequence[Word], language: Language) -> list[list[Word]]:
    """A sentence, cut until each part fits into its lines and its time."""
    found: list[list[Word]] = []
    left = [list(words)]
    while left:
        part = left.pop()
        if len(part) < 2 or _fits(part, language):
            found.append(part)
        else:
            cut = best_cut(part, language)
            left += [part[cut:], part[:cut]]
    return found


def _fits(words: Sequence[Word], language: Language) -> bool:
    if words[-1].end_ms - words[0].start_ms > LONGEST_MS:
        return False
    if length(joined(words), language) > LINES * language.line + LINES:
        return False
    return all(
        length(line, language) <= language.line for line in lined(words, language)
    )


def _merged(cues: Sequence[Cue], language: Language) -> list[Cue]:
    """One that has no room to be read joins a neighbour, where both fit together."""
    found: list[Cue] = []
    for place, cue in enumerate(cues):
        follows = cues[place + 1] if place + 1 < len(cues) else None
        cramped = bool(found) and (_cramped(cue, follows, language))
        before = found and _cramped(found[-1], cue, language)
        both = _both(found[-1], cue, language) if cramped or before else None
        if both is None:
            found.append(cue)
        else:
            found[-1] = both
    return found


def _cramped(cue: Cue, follows: Cue | None, language: Language) -> bool:
    if follows is None:
        return False
    room = follows.start_ms - GAP_MS - cue.start_ms
    return room < _wanted(cue, language)


def _both(first: Cue, second: Cue, language: Language) -> Cue | None:
    near = second.start_ms - first.end_ms < SILENCE_MS
    if not near or second.end_ms - first.start_ms > LONGEST_MS:
        return None
    words = [*_words(first, language), *_words(second, language)]
    if not words or not _fits(words, language):
        return None
    return Cue(first.start_ms, second.end_ms, lined(words, language))


def _wanted(cue: Cue, language: Language) -> int:
    """As long as reading takes."""
    reading = -(-1000 * length("".join(cue.lines), language) // language.speed)
    return max(SHORTEST_MS, int(reading))


def _stretched(cues: Sequence[Cue], language: Language) -> list[Cue]:
    """Each stays as long as reading takes, where the next one leaves room for it."""
    found = []
    for place, cue in enumerate(cues):
        follows = cues[place + 1].start_ms if place + 1 < len(cues) else None
        end = max(cue.start_ms + _wanted(cue, language), cue.end_ms)
        end = min(end, cue.start_ms + LONGEST_MS, LATEST_MS)
        if follows is not None:
            end = min(end, follows - GAP_MS)
        found.append(replace(cue, end_ms=max(end, cue.start_ms + 1)))
    return _begun_earlier(found, language)


def _begun_earlier(cues: list[Cue], language: Language) -> list[Cue]:
    """Still too short or fast: into the pause before it, three frames at most."""
    found = cues[:1]
    for before, cue in pairwise(cues):
        hurried = cue.lasts < SHORTEST_MS or speed(cue, language) > language.speed
        lacking = _wanted(cue, language) - cue.lasts if hurried else 0
        room = max(0, cue.start_ms - before.end_ms - GAP_MS)
        earlier = min(lacking, room, EARLIER_MS)
        found.append(replace(cue, start_ms=cue.start_ms - earlier))
    return found


EARLIER_MS = 120
