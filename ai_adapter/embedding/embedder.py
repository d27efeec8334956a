"""Whoever makes vectors: always with the name of the model they may be compared by."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ai_adapter.embedding import minilm
from ai_adapter.providers import hashing

HASHING = "hashing-256"


class Embedded(Struct, frozen=True):
    """One vector of length one for each text, all by `model`.

    `degraded`: by hashing, which finds shared wording and no meaning. Vectors of
    different models are never compared.
    """

    model: str
    vectors: tuple[tuple[float, ...], ...]
    degraded: bool = False


class Embedder(Protocol):
    """Makes vectors of texts; `model` is known before any is made."""

    @property
    def model(self) -> str: ...

    async def embed(self, texts: Sequence[str]) -> Embedded: ...


class Local:
    """The model of the extra `embeddings`; hashing where that is not installed."""

    def __init__(self) -> None:
        self._real = minilm.installed()

    @property
    def model(self) -> str:
        return minilm.MODEL if self._real else HASHING

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """In a thread: a long text takes a tenth of a second of one core."""
        if self._real:
            found = await asyncio.to_thread(minilm.vectors, tuple(texts))
            return Embedded(minilm.MODEL, found)
        hashed = await asyncio.to_thread(lambda: tuple(map(hashing.vector, texts)))
        return Embedded(HASHING, hashed, degraded=True)
