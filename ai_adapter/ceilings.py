"""The most one call may cost, before it is made; only budgets need it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from ai_adapter.base import Ask, Spent
from ai_adapter.policies import size_of
from ai_adapter.ports import Prices
from ai_adapter.registry import Target

AROUND = 1500
"""Tokens of the prompt's own words, roles and fences, on the safe side."""
_SOUND = ("transcription",)


def most(
    ask: Ask, targets: Iterable[Target], prices: Prices, at: datetime
) -> dict[str, Decimal] | None:
    """By currency, for the dearest model of each; None where one has no price.

    An input counts one token a character, which no tokenizer of these models passes
    for Chinese or for Latin script. Only one call is counted: what failed before an
    answer is added when the bill is settled. Nothing to pay is an empty dictionary.
    """
    if ask.task in _SOUND:
        return None  # nobody knows how long it is
    found: dict[str, Decimal] = {}
    for target in targets:
        if target.provider == "template":
            continue
        usage = prices.usage_of(target.provider, _spent(ask, target.model), at)
        if usage.cost is None:
            return None
        dearest = max(usage.cost, found.get(usage.currency, Decimal(0)))
        found[usage.currency] = dearest
    return {name: cost for name, cost in found.items() if cost}


def _spent(ask: Ask, model: str) -> Spent:
    embed = ask.task == "embed"
    return Spent(
        model_name=model,
        prompt_tokens=size_of(ask) + (0 if embed else AROUND),
        completion_tokens=0 if embed else ask.max_tokens,
        images=ask.variants if ask.task == "image" else 0,
        characters=size_of(ask) if ask.task == "speech" else 0,
    )
