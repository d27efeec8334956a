"""Every house rule holds in the tree, and catches the case planted for it."""

import pytest

from tests.house.rules import RULES, TEST_RULES, Rule, broken
from tests.house.tree import Source, package_sources, sources_of_tests


def found(rule: Rule, sources: tuple[Source, ...]) -> list[str]:
    return [line for source in sources for line in broken(rule, source)]


PLANTED = [(rule, bad) for rule in (*RULES, *TEST_RULES) for bad in rule.bad]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_packages_keep_the_rule(rule: Rule) -> None:
    assert found(rule, package_sources()) == []


@pytest.mark.parametrize("rule", TEST_RULES, ids=lambda rule: rule.name)
def test_the_tests_keep_the_rule(rule: Rule) -> None:
    assert found(rule, sources_of_tests()) == []


@pytest.mark.parametrize(
    ("rule", "bad"), PLANTED, ids=[rule.name for rule, _ in PLANTED]
)
def test_a_planted_case_is_caught(rule: Rule, bad: Source) -> None:
    assert broken(rule, bad)


def test_an_escape_comment_with_a_reason_lifts_one_rule_on_one_line() -> None:
    rule = next(each for each in RULES if each.name == "clock")
    line = "time.time()  # house: clock: {}"
    excused = Source("api/app.py", '"""X."""\n' + line.format("a file's age"))
    other = Source("api/app.py", '"""X."""\ntime.time()  # house: names: because')

    assert broken(rule, excused) == []
    assert broken(rule, other)
