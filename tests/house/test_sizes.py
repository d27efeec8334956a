"""Sizes and shares: short functions, short files, few loose types, few mocks."""

import ast
import io
import re
import statistics
import tokenize
from collections.abc import Iterable

from tests.house.tree import (
    Source,
    functions,
    length,
    package_sources,
    sources_of_tests,
)

TYPED = ("schemas", "streams/domain", "projections")


def lengths(sources: Iterable[Source]) -> list[tuple[int, str]]:
    return [
        (length(function), f"{source.path}:{function.lineno} {function.name}")
        for source in sources
        for function in functions(source.module)
    ]


def ninetieth(values: list[int]) -> int:
    return sorted(values)[int(len(values) * 0.9)]


def words(source: Source, word: str) -> list[str]:
    """Places where a bare name stands in the code (not in text or comments)."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return [
        f"{source.path}:{token.start[0]}"
        for token in tokens
        if token.type == tokenize.NAME and token.string == word
    ]


def ignores(source: Source) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return [
        token.string
        for token in tokens
        if token.type == tokenize.COMMENT and "type: ignore" in token.string
    ]


def loose(sources: Iterable[Source]) -> list[str]:
    """Uses of Any; the import itself is not one."""
    found = []
    for source in sources:
        imported = {
            f"{source.path}:{node.lineno}"
            for node in ast.walk(source.module)
            if isinstance(node, ast.ImportFrom) and node.module == "typing"
        }
        found += [place for place in words(source, "Any") if place not in imported]
    return found


def long_files(sources: Iterable[Source]) -> list[str]:
    return [each.path for each in sources if len(each.lines) > 400]


def mocks(source: Source) -> int:
    return sum(len(words(source, each)) for each in ("mock", "Mock", "patch"))


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    assert long_files(package_sources()) == []
    assert long_files([Source("api/app.py", "x\n" * 401)]) == ["api/app.py"]


def test_functions_are_short() -> None:
    found = lengths(package_sources())
    counts = [count for count, _ in found]

    assert [place for count, place in found if count > 50] == []
    assert statistics.median(counts) <= 8
    assert ninetieth(counts) <= 25


def test_a_long_function_is_measured_without_its_docstring() -> None:
    text = 'def f():\n    """A\n    b.\n    """\n' + "    x = 1\n" * 51
    assert lengths([Source("api/app.py", text)]) == [(52, "api/app.py:1 f")]


def test_any_is_rare_and_absent_where_types_are_the_contract() -> None:
    sources = package_sources()
    total = sum(len(each.lines) for each in sources)

    assert loose(each for each in sources if each.under(*TYPED)) == []
    assert len(loose(sources)) <= 5 * total / 1000


def test_any_is_counted_where_it_is_used() -> None:
    text = "from typing import Any\ndef f(x: Any) -> None: ...\n"
    assert loose([Source("api/app.py", text)]) == ["api/app.py:2"]


def test_ignored_types_are_few_and_name_their_code_and_reason() -> None:
    sources = package_sources()
    found = [line for each in sources for line in ignores(each)]

    assert [line for line in found if not explained(line)] == []
    assert len(found) <= sum(len(each.lines) for each in sources) / 1000


def explained(comment: str) -> bool:
    return bool(re.search(r"type: ignore\[[\w, -]+\]\s+\S+", comment))


def test_an_ignore_without_code_or_reason_is_seen() -> None:
    assert not explained("# type: ignore")
    assert not explained("# type: ignore[no-any-return]")
    assert explained("# type: ignore[misc]  faust has no stubs")


def test_fakes_are_used_instead_of_mocks() -> None:
    sources = [each for each in sources_of_tests() if not each.under("tests/house")]
    tests = sum(
        function.name.startswith("test_")
        for source in sources
        for function in functions(source.module)
    )

    assert sum(mocks(each) for each in sources) <= 0.3 * tests
    assert mocks(Source("tests/x.py", "from unittest.mock import Mock\n")) == 2
