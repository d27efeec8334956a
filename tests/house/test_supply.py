"""What is installed is what was locked, and nothing of it runs by itself."""

import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT

# Files that run code when an interpreter starts, by whom they are known to come.
EXPECTED = {
    "distutils-precedence.pth": "_distutils_hack",
    "_virtualenv.pth": "import _virtualenv",
    "a1_coverage.pth": "coverage",
}


def runs(path: Path) -> list[str]:
    """Lines of a start-up file that are code; the others only name folders."""
    lines = path.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if line.startswith(("import ", "import\t"))]


def unexpected(folder: Path) -> list[str]:
    return [
        path.name
        for path in sorted(folder.glob("*.pth"))
        if any(EXPECTED.get(path.name, "\0") not in line for line in runs(path))
    ]


def test_no_start_up_file_runs_code_that_nobody_expects() -> None:
    assert unexpected(Path(sysconfig.get_paths()["purelib"])) == []


@pytest.mark.parametrize("name", ["litellm_init.pth", "distutils-precedence.pth"])
def test_a_planted_start_up_file_is_seen(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("/somewhere\nimport os; os.system('id')\n")

    assert unexpected(tmp_path) == [name]


def unpinned(lock: dict[str, object]) -> list[str]:
    """Files of the lock that could be swapped without anybody noticing."""
    packages = lock["package"]
    assert isinstance(packages, list)
    return [
        f"{package['name']}: {file.get('url', '?')}"
        for package in packages
        for file in (*package.get("wheels", ()), package.get("sdist"))
        if file and not str(file.get("hash", "")).startswith("sha256:")
    ]


def test_every_file_of_the_lock_has_a_hash() -> None:
    assert unpinned(tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))) == []


def test_a_file_without_a_hash_is_seen() -> None:
    lock = {"package": [{"name": "x", "wheels": [{"url": "u"}]}]}

    assert unpinned(lock) == ["x: u"]
