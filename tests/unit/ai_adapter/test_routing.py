"""Routing: aliases by day, the automatic policy, and a chain without repeats."""

from datetime import date

import pytest

from ai_adapter.base import Ask
from ai_adapter.errors import Misconfigured, Refused
from ai_adapter.policies import DEFAULT
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
