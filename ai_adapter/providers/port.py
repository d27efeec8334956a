"""What a provider is: it answers one call once, whole or piece by piece."""

from typing import Protocol

from ai_adapter.base import Call, Reply, Spent


class Flow(Protocol):
    """The texts of one call, as they come; see `ai_adapter.streaming`."""

    @property
    def spent(self) -> Spent | None:
        """As the provider told until now; None while it has told nothing."""
        ...

    async def __anext__(self) -> str:
        """Raises StopAsyncIteration, or the classes of `ai_adapter.errors`."""
        ...

    def reply(self, text: str) -> Reply:
        """After the last text: what it came to."""
        ...

    async def aclose(self) -> None:
        """Ends the connection, so that the provider stops as well."""


class Provider(Protocol):
    """Answers one call once: it neither retries, nor routes, nor prices."""

    @property
    def name(self) -> str: ...

    async def ask(self, call: Call) -> Reply:
        """Raises only the classes of `ai_adapter.errors`."""

    def stream(self, call: Call) -> Flow:
        """Nothing is sent before the first text is asked for."""
        ...

    async def close(self) -> None: ...
