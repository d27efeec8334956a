"""Words for answers without a model: taken from the wish, in order, nothing added."""

from ai_adapter.platforms import fitted, length
from ai_adapter.providers import phrases


def said(lang: str, zh: str, en: str) -> str:
    """English for English, Chinese otherwise: it is the house language."""
    return en if lang.strip().lower().startswith("en") else zh


def subject(text: str, most: int, lang: str = "zh") -> str:
    """The first phrase of the material, never empty."""
    first = next(iter(phrases.sentences(text)), "").strip(phrases.EDGES)
    cut = fitted(first, most) if length(first, "units") > most else first
    return cut.strip(phrases.EDGES) or phrases.of(lang).thing


def points(text: str, most: int, lang: str = "zh") -> tuple[str, ...]:
    """Sentences of the material as they stand, at least one."""
    found = tuple(dict.fromkeys(phrases.sentences(text)))[:most]
    return found or (phrases.of(lang).nothing,)


def nth(entries: tuple[str, ...], index: int) -> str:
    """Goes round: there may be fewer sentences than places for them."""
    return entries[index % len(entries)]


def keywords(text: str, most: int, lang: str = "zh") -> tuple[str, ...]:
    """Whole words of the material, without any mark; at least one."""
    found = (each for each in phrases.WORD.findall(text[:2000]))
    tags = tuple(dict.fromkeys(found))[:most]
    return tags or (phrases.of(lang).tag,)
