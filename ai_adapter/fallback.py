"""The walk through the lists of a route: one loop, no model twice, no way back."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ai_adapter.errors import Refused
from ai_adapter.models import context_of
from ai_adapter.registry import Target
from ai_adapter.routing import Route

T = TypeVar("T")


async def walked(
    route: Route, tried: Callable[[Target], Awaitable[T | None]]
) -> tuple[Target, T] | None:
    """The first model that answers; None when the lists are through.

    A refusal leads to the list for its reason, and is raised where that has nobody
    who was not asked yet. Ends: each step visits a model for the first time.
    """
    waiting, visited = deque(route.general), set[Target]()
    refused: Refused | None = None
    while waiting:
        target = waiting.popleft()
        visited.add(target)
        try:
            found = await tried(target)
        except Refused as no:
            refused = no
            others = _others(route, no.code, target)
            waiting = deque(each for each in others if each not in visited)
            continue
        if found is not None:
            return target, found
        waiting = deque(each for each in waiting if each not in visited)
    if refused:
        raise refused
    return None


def _others(route: Route, code: str, refusing: Target) -> Iterable[Target]:
    if code == "content_policy":
        return route.on_content
    if code == "context_too_long":
        least = context_of(refusing.provider, refusing.model)
        larger = (
            t for t in route.on_context if context_of(t.provider, t.model) > least
        )
        return tuple(larger)
    return ()
