"""Rules of a tenant's own words: short, few, and no word on both sides."""

from msgspec import Struct

from schemas.commands.moderation import SetWords
from schemas.events.moderation import WordsChanged
from streams.domain.rejected import Rejected

WORDS_LIMIT = 500
LENGTH_LIMIT = 40


class Wordlist(Struct, frozen=True):
    words: WordsChanged = WordsChanged()


initial = Wordlist()


def decide(command: SetWords, state: Wordlist) -> WordsChanged | None:
    _refuse("/forbidden", command.forbidden)
    _refuse("/allowed", command.allowed)
    both = set(command.forbidden) & set(command.allowed)
    if both:
        detail = f"{min(both)!r} cannot be forbidden and allowed; choose one."
        raise Rejected("invalid", "word_twice", detail, pointer="/allowed")
    wanted = WordsChanged(command.forbidden, command.allowed)
    return None if wanted == state.words else wanted


def _refuse(pointer: str, words: tuple[str, ...]) -> None:
    if len(words) > WORDS_LIMIT:
        detail = f"Send at most {WORDS_LIMIT} words."
        raise Rejected("invalid", "too_many_words", detail, pointer=pointer)
    for place, word in enumerate(words):
        if not 0 < len(word.strip()) <= LENGTH_LIMIT:
            detail = f"A word has 1 to {LENGTH_LIMIT} characters."
            raise Rejected(
                "invalid", "word_length", detail, pointer=f"{pointer}/{place}"
            )


def evolve(_state: Wordlist, event: WordsChanged) -> Wordlist:
    return Wordlist(event)
