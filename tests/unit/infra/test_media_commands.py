"""`contentops media render` at the terminal: what it refuses, in which sentence."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app

TITLE = {"type": "title", "text": "夜骑", "seconds": 2}


def render(*words: object, key: str = "") -> Result:
    env = {"CONTENTOPS_CLIENT_KEY": key, "CONTENTOPS_CLIENT_URL": "http://127.0.0.1:9"}
    return CliRunner().invoke(app, ["media", "render", *map(str, words)], env=env)


def written(folder: Path, document: object) -> Path:
    path = folder / "film.json"
    path.write_text(json.dumps(document))
    return path


def test_it_says_where_the_result_could_go(tmp_path: Path) -> None:
    result = render(written(tmp_path, {"scenes": [TITLE]}))
    assert result.exit_code == 2
    assert "--out FILE" in result.stderr
    assert "--project ID" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere.mp4", "--dry-run"), "no file nowhere.mp4"),
        (("{film}", "--out", "/no/such/folder/x.mp4"), "no folder"),
        (("{film}", "--project", "p"), "CONTENTOPS_CLIENT_KEY"),
        (("0b1a57d0-5bf8-5dbb-ba01-9dbc5185d046", "--dry-run"), "CLIENT_KEY"),
    ],
)
def test_wrong_use_is_two_and_names_the_remedy(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    film = written(tmp_path, {"scenes": [TITLE]})
    result = render(*(each.replace("{film}", str(film)) for each in words))
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"scenes": []}, "/scenes: there is no scene in it"),
        ({"scenes": [{**TITLE, "colr": "red"}]}, "/scenes/0/colr"),
        ({"version": 9}, "/version"),
        ({"scenes": [{"type": "clip", "source": {"file": "lost.mp4"}}]}, "lost.mp4"),
        (
            {"scenes": [{"type": "clip", "source": {"objectKey": "a", "sha256": "b"}}]},
            "name its asset",
        ),
    ],
)
def test_what_is_wrong_with_a_timeline_is_told(
    tmp_path: Path, document: object, told: str
) -> None:
    result = render(written(tmp_path, document), "--dry-run")
    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_a_dry_run_tells_length_and_cost(tmp_path: Path) -> None:
    marks = [{"destination": "douyin", "watermark": "我"}]
    film = written(tmp_path, {"scenes": [TITLE], "ai": True, "marks": marks})
    result = render(film, "--dry-run", "--profile", "douyin")
    assert result.exit_code == 0, result.stderr
    assert "2.000 s, 60 frames" in result.stdout
    assert "marked as made by AI" in result.stdout
    assert "warning: /marks/0" in result.stdout


def test_a_profile_that_nobody_has_is_refused(tmp_path: Path) -> None:
    film = written(tmp_path, {"scenes": [TITLE]})
    result = render(film, "--out", tmp_path / "x.mp4", "--profile", "betamax")
    assert result.exit_code == 2
    assert "betamax" in result.stderr
    assert not (tmp_path / "x.mp4").exists()
