"""What the gateway needs from outside, and what it does where nobody gave it."""

# ruff: noqa: ARG002  (what does nothing uses nothing of what it is given)

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from ai_adapter import price_book
from ai_adapter.base import ALLOWED, Answer, Ask, Fact, Spent, Usage, Verdict
from ai_adapter.policies import DEFAULT, Policy
from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.repository import prompt_for

Tell: TypeAlias = Callable[[Fact], None]
"""Cheap, never raises and never waits: metrics and the log listen here."""
Make: TypeAlias = Callable[[], Awaitable[Answer]]


class Policies(Protocol):
    """The routing document of a tenant, as it is at this moment."""

    def policy(self, ask: Ask) -> Policy: ...


class Prices(Protocol):
    """What was spent, with its price at the moment of the request."""

    def usage_of(self, provider: str, spent: Spent, at: datetime) -> Usage:
        """An unknown price leaves `cost` None; it is never zero."""
        ...


class Keys(Protocol):
    """Keys of providers, per tenant or for the whole installation."""

    async def key(self, tenant: str, provider: str) -> str:
        """Empty = the endpoint's own key. Asked before each call: a rotation counts."""
        ...


class Cache(Protocol):
    """Finished answers by key; `scope` is a tenant, or one for all."""

    async def kept(self, key: str, scope: str) -> Answer | None:
        """The answer as it was kept, while it is fresh."""
        ...

    async def stale(self, key: str, scope: str) -> Answer | None:
        """The answer even after its time, for when nobody else answers."""
        ...

    async def keep(self, key: str, scope: str, answer: Answer) -> None:
        """Only called for answers that are worth it."""
        ...

    async def once(self, key: str, scope: str, make: Make) -> Answer:
        """One of those who ask at the same time calls `make`; all get its answer.

        They get its `Refused` as well. Where the one is cancelled another calls.
        """
        ...


class Guard(Protocol):
    """Looks at texts on their way in and out; pure and quick."""

    def look(self, ask: Ask, texts: tuple[str, ...]) -> Verdict: ...

    def canary(self, ask: Ask) -> str:
        """Put at the end of the system part; empty = none."""
        ...

    def output(self, ask: Ask, text: str, canary: str) -> Verdict: ...


class Chosen(Struct, frozen=True):
    """The prompt for an ask; `ask` is as the arm of an experiment changes it."""

    prompt: Prompt
    ask: Ask
    arm: str = ""


class Prompts(Protocol):
    """The words of each task and tool, and who gets which version."""

    async def prompt(self, ask: Ask) -> Chosen:
        """Raises Refused with `tool_unknown`."""
        ...


class OnePolicy:
    """The built-in document, or another one, for everybody."""

    def __init__(self, policy: Policy = DEFAULT) -> None:
        self._policy = policy

    def policy(self, ask: Ask) -> Policy:
        return self._policy


class ListedPrices:
    """The built-in price book."""

    def usage_of(self, provider: str, spent: Spent, at: datetime) -> Usage:
        return price_book.usage_of(provider, spent, at)


class OwnKeys:
    """Each endpoint uses its own key."""

    async def key(self, tenant: str, provider: str) -> str:
        return ""


class NoCache:
    """Keeps nothing."""

    async def kept(self, key: str, scope: str) -> Answer | None:
        return None

    async def stale(self, key: str, scope: str) -> Answer | None:
        return None

    async def keep(self, key: str, scope: str, answer: Answer) -> None:
        return None

    async def once(self, key: str, scope: str, make: Make) -> Answer:
        return await make()


class NoGuard:
    """Lets everything pass."""

    def look(self, ask: Ask, texts: tuple[str, ...]) -> Verdict:
        return ALLOWED

    def canary(self, ask: Ask) -> str:
        return ""

    def output(self, ask: Ask, text: str, canary: str) -> Verdict:
        return ALLOWED


class BuiltInPrompts:
    """The prompts that come with the tasks and tools."""

    async def prompt(self, ask: Ask) -> Chosen:
        return Chosen(prompt_for(ask), ask)


def tell_nobody(fact: Fact) -> None:
    """Nobody listens."""
