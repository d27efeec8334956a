"""Tools over a server that really speaks HTTP: asked for JSON, repaired, paid for."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from ai_adapter.base import Ask
from ai_adapter.gateway import Gateway
from ai_adapter.providers.factory import Endpoint
from ai_adapter.registry import TOOLS
from ai_adapter.scenes import scene_of
from ai_adapter.tools.use import use
from ai_adapter.tools.wishes import wished
from tests.contract.openai_server import OpenAIServer, says, serving, status

WEIBO = TOOLS["weibo-post"]
WISH = wished(WEIBO, {"brief": "300 把卖不掉的雨伞改成了购物袋。"})
GOOD = {"text": "300 把雨伞，三周后都成了购物袋。", "topics": ["旧物改造"]}


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture
async def gateway(running: OpenAIServer) -> AsyncIterator[Gateway]:
    running.clear()
    made = Gateway([Endpoint("deepseek", "deepseek-flash", running.url, "sk-x")])
    yield made
    await made.close()


async def test_a_tool_asks_for_json_and_says_which(
    gateway: Gateway, running: OpenAIServer
) -> None:
    running.script.append(says(json.dumps(GOOD)))

    used = await use(gateway.ask, WEIBO, WISH, "t")

    (asked,) = running.bodies
    assert asked["response_format"] == {"type": "json_object"}
    assert '"topics":' in asked["messages"][0]["content"]
    assert "雨伞" not in asked["messages"][0]["content"]
    assert json.loads(used.answer.output)["topics"] == ["旧物改造"]
    assert not used.answer.degraded


async def test_a_post_too_long_is_repaired_with_its_fault_named(
    gateway: Gateway, running: OpenAIServer
) -> None:
    long = {**GOOD, "text": "太长了。" * 60}
    running.script += [says(json.dumps(long)), says(json.dumps(GOOD))]

    used = await use(gateway.ask, WEIBO, WISH, "t")

    second = running.bodies[1]["messages"][-1]["content"]
    assert "text is 240 long (halves), at most 110" in second
    assert used.result.text == GOOD["text"]
    assert len(used.answer.attempts) == 2
    assert used.answer.usage.prompt_tokens == 2 * 512
    assert used.answer.usage.completion_tokens == 2 * 96


async def test_while_nobody_answers_the_tool_does_and_says_so(
    gateway: Gateway, running: OpenAIServer
) -> None:
    running.script += [status(401)] * 4

    used = await use(gateway.ask, WEIBO, WISH, "t")

    assert used.answer.degraded
    assert used.result.text.startswith("300 把")


async def test_the_example_of_the_specification_has_five_titles_and_a_price(
    gateway: Gateway, running: OpenAIServer
) -> None:
    """Scene `douyin-title-zh`: 512 + 96 tokens, priced, by the model that was meant."""
    scene = scene_of("douyin-title-zh")
    ask = Ask(
        task="title",
        input="番茄炒蛋怎么才嫩",
        tenant_id="t",
        max_tokens=120,
        scene="douyin-title-zh",
        platform=scene.platform,
        lang=scene.lang,
    )

    answer = await gateway.ask(ask)

    assert len(answer.output) == 5
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (512, 96)
    assert answer.usage.cost
    assert "title length: at most 30" in running.bodies[0]["messages"][1]["content"]
    assert (answer.provider, answer.degraded) == ("deepseek", False)
