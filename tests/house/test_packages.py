"""Who owns which name, who may import whom, and that each dependency is in use."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, package_sources, sources_of_tests

BRIEF = {
    "faust-streaming": "faust",
    "confluent-kafka": "confluent_kafka",
    "fastapi": "fastapi",
    "pydantic": "pydantic",
    "psycopg": "psycopg",
    "clickhouse-connect": "clickhouse_connect",
    "openai": "openai",
    "httpx": "httpx",
    "boto3": "boto3",
    "opensearch-py": "opensearchpy",
    "tenacity": "tenacity",
    "pytest": "pytest",
    "testcontainers": "testcontainers",
}
LINT = Path(sys.executable).with_name("lint-imports")


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def direct() -> set[str]:
    found = project()
    groups = [found["project"]["dependencies"], *found["dependency-groups"].values()]
    return {re.split(r"[\[<>=; ]", each)[0] for group in groups for each in group}


def imported() -> set[str]:
    """Top-level names imported anywhere in the packages and tests."""
    found = set()
    for source in (*package_sources(), *sources_of_tests()):
        for node in ast.walk(source.module):
            if isinstance(node, ast.Import):
                found |= {each.name.split(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_a_top_level_name_belongs_to_us_alone(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"contentops"}


def test_the_wheel_holds_exactly_the_eight_packages() -> None:
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert tuple(sorted(wheel["packages"])) == tuple(sorted(PACKAGES))


@pytest.mark.parametrize("package", BRIEF)
def test_a_package_of_the_brief_is_declared_and_used(package: str) -> None:
    assert package in direct()
    assert BRIEF[package] in imported()


def files_of(folder: Path) -> dict[str, frozenset[str]]:
    """File names of each sub-package, without the start file."""
    return {
        each.name: frozenset(path.name for path in each.iterdir() if path.is_file())
        - {"__init__.py"}
        for each in sorted(folder.iterdir())
        if each.is_dir() and (each / "__init__.py").exists()
    }


def test_each_platform_folder_has_the_same_file_names() -> None:
    wanted = {"connector.py", "wire.py", "routes.py", "signing.py", "sandbox.py"}
    found = files_of(ROOT / "connectors")

    assert found
    assert len(set(found.values())) == 1, found
    assert all(wanted <= files for files in found.values())


def test_each_projection_folder_has_the_same_file_names() -> None:
    wanted = {"project.py", "table.sql"}
    found = files_of(ROOT / "projections")

    assert found
    assert {
        name: wanted - files for name, files in found.items() if wanted - files
    } == {}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache", "--config", "pyproject.toml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nobody_imports_against_the_rule() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("schemas/ids.py", "import streams.acceptance"),
        ("schemas/ids.py", "import psycopg"),
        ("streams/acceptance.py", "import api"),
        ("connectors/base.py", "import ai_adapter"),
    ],
)
def test_a_planted_import_against_the_rule_is_reported(
    tmp_path: Path, place: str, line: str
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name)
    planted = tmp_path / place
    planted.write_text(f"{planted.read_text('utf-8')}\n{line}\n", "utf-8")

    done = lint(tmp_path)

    assert done.returncode == 1
    assert "is not allowed to import" in done.stdout
