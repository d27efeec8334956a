"""Answers without a model: the last resort, and the default without a key.

Deterministic, free, and flagged `degraded` by the gateway. It arranges words of the
material and claims nothing of its own.
"""

import asyncio
from collections.abc import Iterable

from ai_adapter.base import Call, Output, Reply, Spent
from ai_adapter.platforms import Style, style_of, tagged
from ai_adapter.providers import phrases
from ai_adapter.providers.hashing import vector
from ai_adapter.providers.phrases import Phrases
from ai_adapter.providers.port import Flow
from ai_adapter.streaming import WholeFlow

MODEL = "template-1"
_SUMMARY_MAX = 200
_SUBJECT_MAX = 40
_AT_ONCE = 500


class Template:
    """Cannot fail, whatever the text."""

    name = "template"

    async def ask(self, call: Call) -> Reply:
        # Hashing 200 000 characters takes a second; others share this loop. A short
        # text is done before a thread would have begun.
        if sum(map(len, call.inputs)) <= _AT_ONCE:
            return Reply(_output(call), Spent(MODEL), "")
        output = await asyncio.to_thread(_output, call)
        return Reply(output, Spent(MODEL), "")

    def stream(self, call: Call) -> Flow:
        return WholeFlow(self, call)

    async def close(self) -> None:
        return None


def _output(call: Call) -> Output:
    if call.ask.task == "embed":
        return tuple(vector(text) for text in call.inputs)
    texts = _different(_text(call, index) for index in range(call.variants))
    return texts if call.ask.task == "title" or len(texts) > 1 else texts[0]


def _different(texts: Iterable[str]) -> tuple[str, ...]:
    """Repeats get a number at the end, within the length they had."""
    kept: list[str] = []
    for text in texts:
        mark = f" {len(kept) + 1}"
        kept.append(text if text not in kept else text[: -len(mark)] + mark)
    return tuple(kept)


def _text(call: Call, index: int) -> str:
    words = phrases.of(call.ask.lang)
    style = style_of(call.ask.platform)
    material = "\n".join(call.inputs).strip()
    match call.ask.task:
        case "title":
            return _title(words, style, material, index)
        case "copy":
            return _copy(words, style, material, index)
        case "summary":
            return _summary(words, material, index)
        case "translate":
            return material
        case "rewrite" | "storyboard":
            return material or words.nothing
        case _:
            return words.replies[index % len(words.replies)]


def _title(words: Phrases, style: Style, material: str, index: int) -> str:
    pattern = words.titles[index % len(words.titles)]
    room = max(1, style.title_max - len(pattern.replace("{}", "")))
    return pattern.replace("{}", _clipped(_subject(words, material), room))


def _copy(words: Phrases, style: Style, material: str, index: int) -> str:
    title = _title(words, style, material, index)
    closing = words.closings[index % len(words.closings)]
    tags = tagged(style, (*_keywords(material, style.tags_max - 1), words.tag))
    room = max(1, style.body_max - len(closing) - len(tags) - 4)
    brief = material[:room].strip() or words.nothing
    return f"{title}\n\n{brief}\n\n{closing}\n\n{tags}"


def _summary(words: Phrases, material: str, index: int) -> str:
    sentences = phrases.sentences(material)
    chosen = words.joint.join(sentences[: 2 + index % 2])[:_SUMMARY_MAX].strip()
    return chosen or words.nothing


def _subject(words: Phrases, material: str) -> str:
    """The first phrase of the material, without its tags."""
    found = next(iter(phrases.sentences(material)), "")
    short = _clipped(found.strip(phrases.EDGES), _SUBJECT_MAX)
    return short.strip(phrases.EDGES) or words.thing


def _clipped(text: str, most: int) -> str:
    """At most so many characters, and no half of a Latin word at the end."""
    if len(text) <= most:
        return text
    cut = text[:most]
    inside = text[most].isascii() and text[most].isalnum() and " " in cut
    return (cut.rpartition(" ")[0] if inside else cut).strip()


def _keywords(material: str, most: int) -> tuple[str, ...]:
    found = phrases.WORD.findall(material[:_SUMMARY_MAX])
    return tuple(dict.fromkeys(found))[: min(3, most)]
