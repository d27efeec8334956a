"""Word lists, likeness and a provider: what is objected to, and what is not."""

import asyncio
import time

import msgspec
import pytest

from ai_adapter.base import Answer, Ask, Judged, Usage
from ai_adapter.embedding.embedder import HASHING, Embedded
from ai_adapter.errors import Refused
from ai_adapter.moderation.moderator import Moderator, by_words
from ai_adapter.moderation.similar import Similar, examples
from ai_adapter.moderation.words import OwnWords, WordList, lists, objections, versions
from ai_adapter.platforms import STYLES
from ai_adapter.providers import hashing


class Hashing:
    """The embedder of an installation without the extra."""

    model = HASHING

    async def embed(self, texts: tuple[str, ...]) -> Embedded:
        return Embedded(HASHING, tuple(hashing.vector(each) for each in texts), True)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("国家级品质", "国家级"),
        ("史上最强的一款", "史上最强"),
        ("這款茶可以根治失眠", "根治"),
        ("稳.赚.不.赔的买卖", "稳赚不赔"),
        ("A MIRACLE CURE for you", "miracle cure"),
        ("校\u200b园\u200b贷秒批", "校园贷"),
    ],
)
def test_a_forbidden_word_blocks_in_any_dress(text: str, word: str) -> None:
    opinion = by_words(text)

    assert opinion.ruling == "block"
    assert word in {each.word for each in opinion.objections}


@pytest.mark.parametrize(
    "text",
    [
        "走进国家级自然保护区",
        "这部电影拿了最佳影片",
        "谨防刷单骗局",
        "今天分享三个做饭小技巧",
        "the cure played live",
    ],
)
def test_a_word_inside_a_harmless_one_is_none(text: str) -> None:
    assert by_words(text).ruling == "allow"


def test_each_platform_has_its_own_list() -> None:
    text = "加微信了解更多"

    assert by_words(text, "douyin").ruling == "flag"
    assert by_words(text, "youtube").ruling == "allow"
    assert "douyin" in {each.split("@")[0] for each in versions("douyin")}


@pytest.mark.parametrize(
    "platform", ["douyin", "kuaishou", "xiaohongshu", "bilibili", "channels"]
)
def test_the_platforms_of_the_house_have_lists(platform: str) -> None:
    assert platform in STYLES
    assert any(platform in each.platforms for each in lists())


def test_every_list_says_where_it_is_from_and_of_when_it_is() -> None:
    assert [each.name for each in lists() if len(each.source) < 40] == []
    assert [each.name for each in lists() if len(each.version) != 10] == []


def test_a_list_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(
            b'{"name":"x","version":"1","title":"t","source":"s","terms":[],"plattforms":[]}',
            type=WordList,
        )


def test_a_tenant_adds_and_takes_away_words() -> None:
    own = OwnWords(forbidden=("小明茶",), allowed=("国家级",))

    assert [each.word for each in objections("小明茶，国家级", own=own)] == ["小明茶"]
    assert by_words("国家级", own=own).ruling == "allow"


def test_the_worst_word_comes_first() -> None:
    found = objections("顶级的国家级品质")
    assert [each.severity for each in found] == ["block", "flag"]


@pytest.mark.timeout(60)
def test_a_megabyte_of_words_takes_seconds() -> None:
    text = "国家级自然保护区 国家级，" * 80_000
    begun = time.process_time()

    assert by_words(text).ruling == "block"
    assert time.process_time() - begun < 6


@pytest.mark.parametrize(
    "text",
    [
        "每天返利五百，投资一万随时提现",
        "代开增值税发票，点数有优惠",
        "Bet now with live online dealers and get a deposit bonus",
        "Great tea. This tea cures diabetes, stop taking your medicine",
    ],
)
async def test_what_means_the_same_as_an_example_is_flagged(text: str) -> None:
    assert await Similar(Hashing()).like(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "糖尿病人饮食要注意什么？医生来回答",
        "发票抬头怎么填？一分钟教会你",
        "Watch our new video and click the link in the profile",
        "How to invest your first salary: five questions to ask",
    ],
)
async def test_what_only_shares_words_with_one_is_not(text: str) -> None:
    assert await Similar(Hashing()).like(text) is None


class Models:
    """Answers as a moderation model does, or refuses."""

    def __init__(self, *judged: Judged, refuses: bool = False) -> None:
        self._judged = judged
        self._refuses = refuses

    async def ask(self, ask: Ask) -> Answer:
        if self._refuses:
            raise Refused("input_too_long", "send less")
        return Answer(
            output="",
            usage=Usage(0, 0, None, ""),
            provider="openai",
            model_name="omni-moderation-latest",
            latency_ms=1,
            degraded=False,
            request_id="r",
            prompt_hash="",
            prompt_version="",
            judged=self._judged,
        )


@pytest.mark.parametrize(("score", "ruling"), [(0.6, "flag"), (0.95, "block")])
async def test_a_provider_has_a_say(score: float, ruling: str) -> None:
    models = Models(Judged(flagged=True, scores={"violence": score, "hate": 0.1}))
    opinion = await Moderator(models, Hashing()).judge("t", "a quiet text")

    assert opinion.ruling == ruling
    assert [each.category for each in opinion.objections] == ["violence"]
    assert opinion.by[-1] == "openai/omni-moderation-latest"


async def test_a_provider_that_does_not_answer_leaves_it_to_the_others() -> None:
    opinion = await Moderator(Models(refuses=True), Hashing()).judge("t", "国家级")

    assert opinion.ruling == "block"
    assert opinion.by[-1] == f"similar@{HASHING}"


class Slow(Hashing):
    """Still reading its weights."""

    async def embed(self, texts: tuple[str, ...]) -> Embedded:
        await asyncio.Event().wait()
        return await super().embed(texts)


async def test_a_model_that_is_still_being_read_is_not_waited_for() -> None:
    moderator = Moderator(Models(refuses=True), Slow())
    opinion = await moderator.judge("t", "国家级")

    assert opinion.ruling == "block"
    assert opinion.by == versions("")


def test_examples_are_labelled_in_both_languages() -> None:
    assert len({each.category for each in examples()}) >= 6
    assert any(each.text.isascii() for each in examples())
