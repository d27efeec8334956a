"""The command: its exit codes and its sentences."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize(
    "words",
    [
        ("no-such-command",),
        ("up", "--port", "eighty"),
        ("key", "create"),
        ("key", "create", "--tenant", "@shared"),
        ("projection", "rebuild"),
        ("projection", "rebuild", "leads", "--all"),
    ],
)
def test_wrong_use_is_two(words: tuple[str, ...]) -> None:
    assert invoke(*words).exit_code == 2


def test_a_problem_is_one_sentence_and_one(tmp_path: Path) -> None:
    result = invoke("topics", "check", "--data", str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "CONTENTOPS_KAFKA" in result.stderr
    assert "contentops up" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENTOPS_PARTITIONS", "many")
    result = invoke("doctor")
    assert result.exit_code == 2
    assert "CONTENTOPS_PARTITIONS: Input should be a valid integer" in result.stderr


def test_an_unknown_role_names_the_known(tmp_path: Path) -> None:
    result = invoke("run", "juggler", "--data", str(tmp_path))
    assert result.exit_code == 1
    assert "no role juggler" in result.stderr
    assert "decider" in result.stderr
