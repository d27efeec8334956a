"""Texts that mean what a labelled example means, in other words."""

import asyncio
from collections.abc import Mapping
from operator import mul
from pathlib import Path

import msgspec
from msgspec import Struct

from ai_adapter.embedding.embedder import HASHING, Embedder
from ai_adapter.embedding.minilm import MODEL


class Near(Struct, frozen=True):
    """The cosine from which on two sentences are alike, by their script."""

    latin: float
    han: float


# Measured; the numbers mean nothing for vectors of another model. Hashing counts shared
# letters, of which Latin texts have many; the small model knows hardly any Chinese.
NEAR: Mapping[str, Near] = {HASHING: Near(0.87, 0.5), MODEL: Near(0.66, 0.92)}
UNKNOWN_MODEL = Near(0.85, 0.85)
MOST_PIECES = 64
_ENDS = str.maketrans(dict.fromkeys("。！？!?;；\n", "\n"))


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    category: str
    text: str


class Likeness(Struct, frozen=True):
    """The nearest example, with the cosine."""

    example: Example
    cosine: float


def examples() -> tuple[Example, ...]:
    text = Path(__file__).with_name("examples.json").read_bytes()
    return msgspec.json.decode(text, type=tuple[Example, ...])


class Similar:
    """The examples' vectors are made once, at the first text."""

    def __init__(
        self, embedder: Embedder, known: tuple[Example, ...] | None = None
    ) -> None:
        self._embedder = embedder
        self._examples = known if known is not None else examples()
        self._making = asyncio.Lock()
        self._vectors: tuple[tuple[float, ...], ...] = ()

    @property
    def label(self) -> str:
        return f"similar@{self._embedder.model}"

    async def like(self, text: str) -> Likeness | None:
        """None where no sentence is near an example. Long texts: their beginning."""
        sentences = [s for s in text.translate(_ENDS).split("\n") if s.strip()]
        if not sentences or not self._examples:
            return None
        known = await self._known()
        found = await self._embedder.embed(sentences[:MOST_PIECES])
        near = NEAR.get(found.model, UNKNOWN_MODEL)
        alike = [
            Likeness(example, cosine)
            for sentence, vector in zip(sentences, found.vectors, strict=False)
            for example, other in zip(self._examples, known, strict=True)
            if (cosine := sum(map(mul, vector, other))) >= _least(near, sentence)
        ]
        return max(alike, key=lambda each: each.cosine, default=None)

    async def _known(self) -> tuple[tuple[float, ...], ...]:
        async with self._making:
            if not self._vectors:
                texts = [each.text for each in self._examples]
                self._vectors = (await self._embedder.embed(texts)).vectors
        return self._vectors


def _least(near: Near, sentence: str) -> float:
    return near.latin if sentence.isascii() else near.han
