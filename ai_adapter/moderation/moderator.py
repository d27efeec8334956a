"""One judgement on a text: by lists of words, by likeness, and by a provider."""

import asyncio
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from ai_adapter.base import Answer, Ask
from ai_adapter.embedding.embedder import Embedder, Local
from ai_adapter.errors import Refused
from ai_adapter.moderation.similar import Likeness, Similar
from ai_adapter.moderation.words import Objection, OwnWords, objections, versions

Ruling: TypeAlias = Literal["allow", "flag", "block"]
PROVIDER_BLOCKS = 0.9
"""A provider's own flag is a flag; only a score this high refuses by itself."""

LIKENESS_S = 0.5
"""Seconds; the first text of a process has to wait for the model to be read."""
PROVIDER_S = 5.0
"""Seconds; people wait for it, and the lists have spoken already."""


class Opinion(Struct, frozen=True):
    """`by` are the lists, the embedding and the model that were heard."""

    ruling: Ruling
    objections: tuple[Objection, ...]
    by: tuple[str, ...]


class Models(Protocol):
    """A gateway; without an endpoint that can moderate, nobody is asked."""

    async def ask(self, ask: Ask) -> Answer: ...


def by_words(text: str, platform: str = "", own: OwnWords | None = None) -> Opinion:
    """Pure and quick: the lists alone."""
    return _opinion(objections(text, platform, own), versions(platform))


class Moderator:
    """`models` None: no provider is asked."""

    def __init__(
        self, models: Models | None = None, embedder: Embedder | None = None
    ) -> None:
        self._models = models
        self._similar = Similar(embedder or Local())
        self._late: set[asyncio.Task[Likeness | None]] = set()

    async def judge(
        self, tenant: str, text: str, platform: str = "", own: OwnWords | None = None
    ) -> Opinion:
        """Whoever does not answer in time is not in `by`; the lists always are."""
        heard = (
            by_words(text, platform, own),
            await self._likeness(text),
            await self._provider(tenant, text),
        )
        opinions = [each for each in heard if each is not None]
        found = tuple(each for one in opinions for each in one.objections)
        return _opinion(found, tuple(name for one in opinions for name in one.by))

    async def _likeness(self, text: str) -> Opinion | None:
        asked = asyncio.create_task(self._similar.like(text))
        self._late.add(asked)
        asked.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait((asked,), timeout=LIKENESS_S)
        if not done:
            return None
        name, like = self._similar.label, asked.result()
        if like is None:
            return _opinion((), (name,))
        example = like.example
        found = Objection(example.text, example.category, "flag", name)
        return _opinion((found,), (name,))

    async def _provider(self, tenant: str, text: str) -> Opinion | None:
        if self._models is None:
            return None
        ask = Ask(
            task="moderation", input=text, tenant_id=tenant, deadline_s=PROVIDER_S
        )
        try:
            answer = await self._models.ask(ask)
        except Refused:
            return None
        if answer.degraded or not answer.judged:
            return None
        name = f"{answer.provider}/{answer.model_name}"
        return _opinion(tuple(_scored(answer, name)), (name,))


def _scored(answer: Answer, name: str) -> list[Objection]:
    return [
        Objection("", category, "block" if score >= PROVIDER_BLOCKS else "flag", name)
        for judged in answer.judged
        if judged.flagged
        for category, score in judged.scores.items()
        if score >= 0.5
    ]


def _opinion(found: tuple[Objection, ...], by: tuple[str, ...]) -> Opinion:
    severities = {each.severity for each in found}
    if "block" in severities:
        return Opinion("block", found, by)
    return Opinion("flag" if severities else "allow", found, by)
