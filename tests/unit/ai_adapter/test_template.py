"""Template answers: valid for any text, the same each time, within the platform."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_adapter.base import Ask, Call, Reply
from ai_adapter.gateway import Gateway
from ai_adapter.platforms import STYLES, style_of
from ai_adapter.prompts.cleaning import clean
from ai_adapter.prompts.prompt import inputs_of, word
from ai_adapter.prompts.repository import TASKS, prompt_for
from ai_adapter.providers.template import Template
from ai_adapter.tools.copy import parted

TEXT = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="番茄炒蛋。！? .a1#\n", max_size=300),
    st.builds(lambda text, n: (text * n)[:20_000], st.text(max_size=50), st.just(900)),
)
TASK = st.sampled_from(["copy", "title", "summary", "reply", "embed"])
PLATFORM = st.one_of(st.sampled_from(sorted(STYLES)), st.text(max_size=10))
ASKS = st.builds(
    Ask,
    task=TASK,
    input=st.one_of(TEXT, st.lists(TEXT, min_size=1, max_size=3).map(tuple)),
    tenant_id=st.just("t"),
    platform=PLATFORM,
    lang=st.sampled_from(["zh", "en", "en-US", "ja", ""]),
    variants=st.integers(min_value=1, max_value=10),
)


def worded(ask: Ask) -> Call:
    prompt = prompt_for(ask)
    inputs = inputs_of(ask)
    variants = ask.variants if ask.variants > 1 else prompt.variants
    ready = word(prompt, ask, inputs, variants)
    return Call(ask, "template-1", ready.system, ready.user, inputs, variants, 1.0)


async def answered(ask: Ask) -> Reply:
    return await Template().ask(worded(ask))


@settings(max_examples=150, deadline=None)
@given(ask=ASKS)
async def test_any_text_gives_an_answer_of_the_promised_shape(ask: Ask) -> None:
    answer = await Gateway().ask(ask)

    assert answer.degraded
    assert answer.usage.cost == 0
    if ask.task == "embed":
        assert all(len(v) == 256 for v in answer.output)
        assert all(math.isclose(math.hypot(*v), 1.0) for v in answer.output)
        return
    several = ask.task == "title" or ask.variants > 1
    texts = answer.output if several else (answer.output,)
    assert isinstance(texts, tuple)
    assert len(set(texts)) == len(texts)
    assert all(isinstance(text, str) and text.strip() for text in texts)


@settings(max_examples=150, deadline=None)
@given(ask=ASKS)
async def test_titles_and_copy_keep_the_limits_of_the_platform(ask: Ask) -> None:
    style = style_of(ask.platform)
    reply = await answered(ask)
    texts = (reply.output,) if isinstance(reply.output, str) else reply.output
    if ask.task == "title":
        assert all(len(text) <= style.title_max for text in texts)
        assert not any("\n" in text for text in texts)
    if ask.task == "copy":
        posts = [parted(text) for text in texts if isinstance(text, str)]
        assert all(0 < len(post.title) <= style.title_max for post in posts)
        assert all(len(post.body) <= style.body_max for post in posts)
        assert all(0 < len(post.tags) <= style.tags_max for post in posts)


@settings(max_examples=100, deadline=None)
@given(ask=ASKS)
def test_nothing_of_the_input_is_in_the_system_part(ask: Ask) -> None:
    assert worded(ask).system == TASKS[ask.task].system


@given(text=TEXT)
def test_material_stands_whole_between_markers_it_does_not_hold(text: str) -> None:
    ask = Ask(task="copy", input=text, tenant_id="t")
    user = worded(ask).user
    marker = user.rpartition("\n")[2].removesuffix(">>")

    assert marker not in clean(text)
    assert user.endswith(f"<<{marker}\n{clean(text)}\n{marker}>>")


def test_hidden_characters_go_and_visible_ones_stay_as_they_are() -> None:
    hidden = "\u200b\u202e\U000e0041\ufeff\x00"

    assert clean(f"你好，{hidden}👨‍👩‍👧！\n") == "你好，👨‍👩‍👧！\n"
    assert clean("a\ud800b") == "a?b"


async def test_the_same_ask_has_the_same_answer() -> None:
    ask = Ask(task="copy", input="番茄炒蛋。", tenant_id="t", platform="douyin")

    assert await answered(ask) == await answered(ask)


async def test_like_texts_are_nearer_than_unlike_ones() -> None:
    texts = ("番茄炒蛋的做法", "番茄炒蛋怎么做", "quarterly tax report")
    reply = await answered(Ask(task="embed", input=texts, tenant_id="t"))
    one, near, far = (v for v in reply.output if isinstance(v, tuple))

    def nearness(other: tuple[float, ...]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert nearness(near) > nearness(far) + 0.2


@pytest.mark.parametrize(
    ("platform", "tags"),
    [("weibo", "#鸡蛋和一点盐# "), ("douyin", "#鸡蛋和一点盐 ")],
)
async def test_tags_are_written_as_the_platform_writes_them(
    platform: str, tags: str
) -> None:
    text = "五分钟学会做番茄炒蛋，鸡蛋和一点盐。"
    ask = Ask(task="copy", input=text, tenant_id="t", platform=platform)

    assert tags in str((await answered(ask)).output)


async def test_english_is_answered_in_english() -> None:
    ask = Ask(task="reply", input="Where do I buy it?", tenant_id="t", lang="en")

    assert str((await answered(ask)).output).isascii()


def test_a_process_without_a_provider_never_loads_the_sdk() -> None:
    code = (
        "import sys; from ai_adapter.gateway import Gateway; Gateway();"
        "sys.exit('openai' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
