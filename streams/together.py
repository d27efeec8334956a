"""Asking together: questions that come while one is under way share the next answer."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeAlias, TypeVar

K = TypeVar("K")
V = TypeVar("V")
Ask: TypeAlias = Callable[[Collection[K]], Awaitable[Mapping[K, V]]]


class Together(Generic[K, V]):
    """At most one question is out; nothing waits for a batch to fill.

    An answer was always asked for after the caller asked, never before.
    """

    def __init__(self, ask: Ask[K, V]) -> None:
        self._ask = ask
        self._wanted: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V | None:
        """None where there is no answer; raises what the question raised."""
        future = self._wanted.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._wanted[key] = future
        if self._asking is None:
            self._asking = asyncio.create_task(self._run(), name="together")
        # One of several askers may be cancelled; the others still want to know.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            try:
                found = await self._ask(wanted.keys())
            except Exception as wrong:  # noqa: BLE001  handed to whoever asked
                _fail(wanted.values(), wrong)
                continue
            for key, future in wanted.items():
                if not future.done():
                    future.set_result(found.get(key))
        self._asking = None


def _fail(futures: Collection["asyncio.Future[V]"], wrong: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(wrong)
            # Asked for or not: an asker that left must not make a warning.
            future.exception()
