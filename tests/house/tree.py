"""The source files the house rules look at, parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "schemas",
    "streams",
    "connectors",
    "projections",
    "api",
    "ai_adapter",
    "media_agents",
    "infra",
)


@dataclass(frozen=True)
class Source:
    """One file: its path from the root with forward slashes, and its text."""

    path: str
    text: str

    @property
    def module(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def under(self, *folders: str) -> bool:
        return any(
            self.path == each or self.path.startswith(f"{each}/") for each in folders
        )

    def excused(self, rule: str, line: int) -> bool:
        """`# house: <rule>: why` on the line lifts one rule there."""
        return f"# house: {rule}: " in self.lines[line - 1]


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def package_sources() -> tuple[Source, ...]:
    return tuple(
        _read(path) for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))
    )


@cache
def sources_of_tests() -> tuple[Source, ...]:
    return tuple(_read(path) for path in sorted((ROOT / "tests").rglob("*.py")))


def _read(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


@cache
def kept_files() -> tuple[Path, ...]:
    """What is, or will be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring left out."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def dotted(node: ast.expr) -> str:
    """`a.b.c` of nested attributes; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""
