"""Suites against a server that speaks HTTP: scores, baselines, drops and exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ai_adapter.evaluation import BadSuite, Count, Language, Near, judged, read
from infra.ai_commands import app
from infra.ai_eval import SHIPPED, suite
from tests.contract.openai_server import OpenAIServer, Step, says, serving

CASE = {
    "name": "short",
    "task": "summary",
    "input": "夜骑灯",
    "checks": [
        {"type": "contains", "texts": ["夜骑"]},
        {"type": "length", "most": 10},
    ],
}


class Bench:
    """A folder with a suite, and a model that says what it is told to."""

    def __init__(
        self, folder: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.suite = folder / "mine.jsonl"
        self.suite.write_text(json.dumps(CASE) + "\n")
        self.server = server
        for name in ("POSTGRES", "KAFKA"):
            monkeypatch.delenv(f"CONTENTOPS_{name}", raising=False)
        monkeypatch.setenv("CONTENTOPS_AI_ENDPOINTS", f"openai=m@{server.url}")
        monkeypatch.setenv("CONTENTOPS_DATA", str(folder / "data"))

    def run(self, answer: Step, *options: str) -> tuple[int, str]:
        self.server.clear()
        self.server.script.append(answer)
        asked = ["eval", str(self.suite), "--model", "openai/m", *options]
        found = CliRunner().invoke(app, asked)
        return found.exit_code, found.output


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving() as server:
        yield Bench(tmp_path, server, monkeypatch)


def test_a_drop_below_the_kept_score_ends_with_one(bench: Bench) -> None:
    good, worse = says("夜骑灯亮"), says("一盏很亮很亮很亮很亮的灯")
    code, text = bench.run(good, "--keep")
    assert (code, "1.000" in text) == (0, True)
    assert bench.run(good)[0] == 0

    code, text = bench.run(worse)

    assert code == 1
    assert "Worse: the whole suite 1.000" in text
    assert "contains" in text
    assert bench.run(worse, "--tolerance", "1")[0] == 0


def test_the_json_has_every_case_with_its_cost_and_prompt(bench: Bench) -> None:
    code, text = bench.run(says("夜骑灯亮"), "--json")
    found = json.loads(text)

    assert code == 0
    (case,) = found["score"]["cases"]
    assert (case["score"], case["faults"], found["kept"]) == (1.0, [], None)
    assert case["prompt_version"]


def test_a_template_does_not_pass_for_the_model(bench: Bench) -> None:
    bench.server.url = "http://127.0.0.1:9/v1"
    found = CliRunner().invoke(
        app,
        ["eval", str(bench.suite), "--model", "openai/m", "--json"],
        env={"CONTENTOPS_AI_ENDPOINTS": "openai=m@http://127.0.0.1:9/v1"},
    )

    assert json.loads(found.output)["score"]["score"] == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "line 1"),
        ("not json", "line 1"),
        (json.dumps({**CASE, "checks": []}), "without a check"),
        (json.dumps({**CASE, "tool": "nothing"}), "there is no tool"),
        (json.dumps({**CASE, "chekcs": []}), "chekcs"),
        (json.dumps({**CASE, "checks": [{"type": "matches", "pattern": "("}]}), "line"),
        (f"{json.dumps(CASE)}\n{json.dumps(CASE)}", "one name"),
        ("", "no case"),
    ],
)
def test_a_suite_that_cannot_be_read_names_its_line(line: str, said: str) -> None:
    with pytest.raises(BadSuite, match=said):
        read(line)


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.jsonl")), ids=lambda f: f.stem)
def test_what_ships_can_be_read(file: Path) -> None:
    assert len(suite(file.stem)[1]) >= 4


def test_checks_hold_for_every_text_or_say_where_not() -> None:
    texts = ("夜骑灯很亮", "night light")

    assert judged((Count(2),), texts) == ()
    assert judged((Count(2),), ("a", "a")) == ("1 texts, not 2",)
    assert "night" in judged((Language("zh"),), texts)[0]
    assert judged((Near("夜骑灯很亮", 0.2),), texts[:1]) == ()
    assert judged((Count(1),), ()) == ("there is no text",)
