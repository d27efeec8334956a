"""The table of pains is whole, and every test it names is there."""

import ast
import re

import pytest

from tests.house.tree import ROOT

TABLE = ROOT / "docs" / "ai-pains.md"
# A word of each pain that gateways are known for; none may be dropped from the table.
PAINS = (
    "Memory grows",
    "Usage is lost",
    "accounted for in part",
    "Cached tokens cost",
    "A new model",
    "skipped on later attempts",
    "outlives its time",
    "all are cooling",
    "run in a circle",
    "a stream breaks",
    "no fallback gets one",
    "steals credentials",
)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def missing(row: list[str]) -> list[str]:
    """Tests a row names that do not exist; a row without any is at fault itself."""
    named = re.findall(r"`([^`]+\.py)::(\w+)`", row[-1])
    return [row[0]] * (not named) + [
        f"{path}::{name}" for path, name in named if name not in names_in(path)
    ]


def names_in(path: str) -> set[str]:
    file = ROOT / path
    module = ast.parse(file.read_text("utf-8") if file.exists() else "")
    return {
        node.name
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("pain", PAINS)
def test_a_pain_is_in_the_table_with_a_rule(pain: str) -> None:
    found = [row for row in rows(TABLE.read_text("utf-8")) if pain in row[0]]

    assert len(found) == 1
    assert all(found[0])


def test_every_test_of_the_table_exists() -> None:
    found = rows(TABLE.read_text("utf-8"))

    assert len(found) == len(PAINS)
    assert [name for row in found for name in missing(row)] == []


@pytest.mark.parametrize(
    "cell", ["", "`tests/house/test_pains.py::test_nothing`", "`tests/gone.py::test_x`"]
)
def test_a_row_without_a_living_test_is_seen(cell: str) -> None:
    assert missing(["pain", "#1", "rule", cell])
