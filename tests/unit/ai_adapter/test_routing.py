"""Routing: aliases by day, the automatic policy, and a chain without repeats."""

from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.base import Ask, Capability
from ai_adapter.complexity import complexity
from ai_adapter.errors import Misconfigured, Refused
from ai_adapter.policies import DEFAULT, Match, Policy, Rule, resolved
from ai_adapter.providers.factory import Endpoint, providers
from ai_adapter.registry import ALIASES, Target, stands_for
from ai_adapter.routing import TEMPLATE, Route
from ai_adapter.routing import route as routed

TODAY = date(2026, 11, 22)
OPENAI = Endpoint("openai", "gpt-6-luna", embed_model="text-embedding-3-small")
DEEPSEEK = Endpoint("deepseek", "deepseek-flash")
FLASH = Target("deepseek", "deepseek-flash")
LUNA = Target("openai", "gpt-6-luna")


def route(ask: Ask, endpoints: tuple[Endpoint, ...], on: date, **more: object) -> Route:
    return routed(ask, DEFAULT, endpoints, on, **more)


def asking(**changes: object) -> Ask:
    known = {"task": "copy", "input": "简介", "tenant_id": "t", "max_tokens": 100}
    return Ask(**{**known, **changes})


def test_long_chinese_copy_goes_to_deepseek_and_short_or_english_does_not() -> None:
    both = (OPENAI, DEEPSEEK)

    assert route(asking(input="字" * 200), both, TODAY).meant == FLASH
    assert route(asking(max_tokens=800), both, TODAY).meant == FLASH
    assert route(asking(), both, TODAY).meant == LUNA
    assert route(asking(input="a" * 200, lang="en"), both, TODAY).meant == LUNA
    assert route(asking(input="字" * 200, task="title"), both, TODAY).meant == LUNA


def test_long_chinese_copy_stays_with_the_default_without_deepseek() -> None:
    assert route(asking(input="字" * 200), (OPENAI,), TODAY).meant == LUNA


@pytest.mark.parametrize("name", ["deepseek/chat", "deepseek-chat"])
def test_the_names_of_the_specification_stand_for_living_models(name: str) -> None:
    assert route(asking(model=name), (DEEPSEEK,), TODAY).meant == FLASH


def test_an_alias_moves_on_the_day_its_model_is_shut_down() -> None:
    before = stands_for("gpt-4o-mini", date(2027, 1, 13))

    assert before == (Target("openai", "gpt-4o-mini"),)
    assert stands_for("gpt-4o-mini", date(2027, 1, 14)) == (LUNA,)


def test_every_alias_names_its_source() -> None:
    assert all(alias.source for alias in ALIASES)


def test_an_alias_of_a_provider_that_is_not_there_falls_to_the_default() -> None:
    found = route(asking(model="deepseek/chat"), (OPENAI,), TODAY)

    assert found.meant == FLASH
    assert found.general == (LUNA,)
    assert found.template


def test_the_chain_holds_each_model_once() -> None:
    found = route(asking(model="deepseek-flash"), (OPENAI, DEEPSEEK), TODAY)

    assert found.general == (FLASH, LUNA)


def test_vectors_skip_endpoints_without_a_model_for_them() -> None:
    ask = asking(task="embed")

    assert route(ask, (DEEPSEEK,), TODAY).general == ()
    small = Target("openai", "text-embedding-3-small")
    assert route(ask, (DEEPSEEK, OPENAI), TODAY).general == (small,)


def test_a_provider_and_a_name_are_taken_as_they_are() -> None:
    found = route(asking(model="openai/gpt-7"), (OPENAI,), TODAY)

    assert found.general[0] == found.meant == Target("openai", "gpt-7")


@pytest.mark.parametrize("name", ["", "gpt-9", "nobody/model", "openai/", "/x"])
def test_an_unknown_model_is_refused_and_not_guessed(name: str) -> None:
    with pytest.raises(Refused):
        route(asking(model=name), (OPENAI,), TODAY)


def test_without_endpoints_everything_is_the_template() -> None:
    found = route(asking(), (), TODAY)

    assert (found.meant, found.general, found.template) == (TEMPLATE, (), True)


@pytest.mark.parametrize(
    "endpoints",
    [
        (OPENAI, OPENAI),
        (Endpoint("template", "x", "http://h/v1"),),
        (Endpoint("a/b", "x", "http://h/v1"),),
        (Endpoint("local", "x"),),
        (Endpoint("local", "", "http://h/v1"),),
        (Endpoint("local", "x", "file:///etc/passwd"),),
    ],
)
def test_settings_that_cannot_work_say_so_at_the_start(
    endpoints: tuple[Endpoint, ...],
) -> None:
    with pytest.raises(Misconfigured):
        providers(*endpoints)


def test_a_key_is_not_in_the_words_of_its_endpoint() -> None:
    assert "sk-secret" not in repr(Endpoint("openai", "m", api_key="sk-secret"))


def test_pictures_and_functions_go_to_the_openai_alias() -> None:
    both = (DEEPSEEK, Endpoint("openai", "gpt-6-luna"))
    mini = Target("openai", "gpt-4o-mini")

    assert route(asking(images=("data:image/png;base64,x",)), both, TODAY).meant == mini
    assert route(asking(functions=(b"{}",)), both, TODAY).meant == mini
    assert route(asking(needs=frozenset(("vision",))), both, TODAY).meant == mini


def test_a_model_that_has_ended_is_not_asked_whoever_told_so() -> None:
    gone = route(asking(model="openai/gpt-4"), (OPENAI,), TODAY)
    told = route(asking(), (OPENAI,), TODAY, ended={("openai", "gpt-6-luna"): TODAY})

    assert gone.general == (LUNA,)
    assert told.general == ()


def test_no_fallback_leaves_the_model_that_was_named() -> None:
    found = route(
        asking(model="deepseek/chat", fallback=False), (OPENAI, DEEPSEEK), TODAY
    )

    assert (found.general, found.on_context, found.template) == ((FLASH,), (), False)


def test_an_alias_of_an_endpoint_comes_before_the_listed_one() -> None:
    own = Endpoint("local", "big", "http://h/v1", aliases={"text.light": "pruned"})

    found = route(asking(model="text.light"), (OPENAI, own), TODAY)

    assert found.meant == Target("local", "pruned")
    assert route(asking(model="text.light"), (DEEPSEEK,), TODAY).meant == FLASH


NEEDS = st.frozensets(st.sampled_from(get_args(Capability)), max_size=3)
ABLE = st.frozensets(st.sampled_from(get_args(Capability)))


@given(NEEDS, ABLE, st.sampled_from(["auto", "text.light", "gpt-4o-mini", "local/x"]))
def test_no_list_holds_a_model_that_lacks_what_is_needed(
    needs: frozenset[Capability], able: frozenset[Capability], model: str
) -> None:
    doors = (OPENAI, DEEPSEEK, Endpoint("local", "x", "http://h/v1", able=able))
    ask = asking(needs=needs, model=model)

    found = route(ask, doors, TODAY)

    by_name = {door.name: door for door in doors}
    for target in (*found.general, *found.on_content, *found.on_context):
        assert needs <= by_name[target.provider].can(target.model)
    assert not found.template or needs <= {"text", "embeddings"}


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("短", 0.0, 0.05),
        ("写一段话。必须包含价格，不要夸张，不超过100字。" * 3, 0.2, 0.5),
        (
            "1. 先看\n2. 再写\n3. 最后检查，然后翻译成 English and 한국어\n" * 80,
            0.6,
            1.0,
        ),
    ],
)
def test_complexity_grows_with_length_constraints_steps_and_languages(
    text: str, least: float, most: float
) -> None:
    assert least <= complexity(asking(input=text)) <= most


@given(st.text(max_size=2000))
def test_complexity_stays_between_nought_and_one(text: str) -> None:
    assert 0.0 <= complexity(asking(input=text)) <= 1.0


def test_a_rule_holds_only_with_every_condition() -> None:
    when = Match(
        tenants=("t",),
        scenes=("douyin-*",),
        tasks=("title",),
        chars_from=5,
        score_to=0.5,
    )
    policy = Policy(name="p", version=3, rules=(Rule(name="r", when=when),))
    fits = {"task": "title", "scene": "douyin-title-zh", "input": "一二三四五"}

    assert resolved(policy, asking(**fits)).rule.name == "r"
    assert resolved(policy, asking(**fits)).policy == "p@3"
    for change in (
        {"tenant_id": "u"},
        {"scene": "bilibili"},
        {"task": "copy"},
        {"input": "一"},
        {"input": "必须" * 9000},
    ):
        assert resolved(policy, asking(**{**fits, **change})).rule.name == "else"
