"""One judgement on a text: by lists of words, by likeness, and by a provider."""

from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from ai_adapter.base import Answer, Ask
from ai_adapter.embedding.embedder import Embedder, Local
from ai_adapter.errors import Refused
from ai_adapter.moderation.similar import Similar
from ai_adapter.moderation.words import Objection, OwnWords, objections, versions

Ruling: TypeAlias = Literal["allow", "flag", "block"]
PROVIDER_BLOCKS = 0.9
"""A provider's own flag is a flag; only a score this high refuses by itself."""


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

    async def judge(
        self, tenant: str, text: str, platform: str = "", own: OwnWords | None = None
    ) -> Opinion:
        """A provider that does not answer leaves the opinion to the others."""
        first = by_words(text, platform, own)
        found = [*first.objections]
        by = [*first.by, self._similar.label]
        like = await self._similar.like(text)
        if like is not None:
            category = like.example.category
            found.append(
                Objection(like.example.text, category, "flag", self._similar.label)
            )
        asked = await self._provider(tenant, text)
        if asked is not None:
            by.append(asked.by[0])
            found += asked.objections
        return _opinion(tuple(found), tuple(by))

    async def _provider(self, tenant: str, text: str) -> Opinion | None:
        if self._models is None:
            return None
        ask = Ask(task="moderation", input=text, tenant_id=tenant)
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
