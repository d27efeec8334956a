"""The API asks ClickHouse as one who sees all tenants, so each question names one."""

import ast
import re
from pathlib import Path

import pytest

from projections.analytics import query

ROOT = Path(__file__).parents[3]
QUESTIONS = {
    name: text
    for name, text in vars(query).items()
    if name.isupper() and isinstance(text, str)
}
BOUND = r"WHERE tenant = \{tenant:String\}(?! *OR)"


def bound(text: str) -> bool:
    """Once for each place that is read from, and nothing beside it but AND."""
    places = len(re.findall(r"\bFROM contentops\.", text))
    return places == len(re.findall(BOUND, text)) > 0


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_is_bound_to_the_tenant_who_asks(name: str) -> None:
    assert bound(QUESTIONS[name])


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM contentops.events",
        "SELECT 1 FROM contentops.events WHERE tenant = {tenant:String} OR 1",
        "FROM contentops.a WHERE tenant = {tenant:String} UNION ALL FROM contentops.b",
    ],
)
def test_the_check_sees_one_that_is_not(text: str) -> None:
    assert not bound(text)


def test_the_api_asks_nothing_else_and_binds_who_asks() -> None:
    asked = [
        (path.name, *(ast.unparse(each) for each in node.args))
        for path in (ROOT / "api").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("analytics.rows")
    ]
    assert asked
    for _, question, values in asked:
        assert question in QUESTIONS
        assert values == "bound"
    for name, *_ in asked:
        text = (ROOT / "api" / "routes" / name).read_text(encoding="utf-8")
        assert 'bound = {"tenant": who.tenant' in text
