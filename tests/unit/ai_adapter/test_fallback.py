"""The walk: three lists, no model twice, whatever the models say."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.errors import Refused
from ai_adapter.fallback import walked
from ai_adapter.policies import DEFAULT, resolved
from ai_adapter.registry import Target
from ai_adapter.routing import Route
from tests.unit.ai_adapter.test_routing import asking

NAMES = st.lists(st.sampled_from("abcdefgh"), max_size=8)
FATES = st.sampled_from(["fails", "content_policy", "context_too_long", "not_accepted"])


def route(general: list[str], on_content: list[str], on_context: list[str]) -> Route:
    lists = [
        tuple(Target("p", n) for n in each)
        for each in (general, on_content, on_context)
    ]
    meant = Target("p", "a")
    return Route(meant, *lists, template=True, resolved=resolved(DEFAULT, asking()))


@given(NAMES, NAMES, NAMES, st.lists(FATES, min_size=24, max_size=24))
def test_no_model_is_visited_twice_and_the_walk_ends(
    general: list[str], on_content: list[str], on_context: list[str], fates: list[str]
) -> None:
    visited: list[Target] = []

    async def tried(target: Target) -> str | None:
        visited.append(target)
        fate = fates[len(visited) % len(fates)]
        if fate != "fails":
            raise Refused(fate, "no")
        return None

    with contextlib.suppress(Refused):
        asyncio.run(walked(route(general, on_content, on_context), tried))
    assert len(visited) == len(set(visited)) <= 8


async def answers(code: str, target: Target) -> str:
    if target.model == "a":
        raise Refused(code, "no")
    return target.model


async def test_a_refused_content_goes_to_its_own_list_only() -> None:
    found = await walked(
        route(["a", "b"], ["c"], ["d"]), lambda t: answers("content_policy", t)
    )

    assert found == (Target("p", "c"), "c")


async def test_without_a_list_for_it_a_refusal_is_final() -> None:
    with pytest.raises(Refused) as caught:
        await walked(route(["a", "b"], [], []), lambda t: answers("content_policy", t))

    assert caught.value.code == "content_policy"


async def test_a_context_too_long_goes_to_models_known_to_read_more() -> None:
    ways = route(["a", "b"], ["c"], [])
    large = (Target("p", "unknown"), Target("deepseek", "deepseek-flash"))
    ways = Route(
        ways.meant,
        ways.general,
        ways.on_content,
        large,
        template=True,
        resolved=ways.resolved,
    )

    found = await walked(ways, lambda t: answers("context_too_long", t))

    assert found == (Target("deepseek", "deepseek-flash"), "deepseek-flash")
