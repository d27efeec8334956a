"""Tools as people use them: the catalogue, at once, as a task, over a sheet."""

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from e2e.test_subtitles import until
from tests.fixtures.fix_up import Installation

BRIEF = "番茄炒蛋怎么才嫩：蛋液加一勺水，先炒蛋再炒番茄。"
SHEET = f"""brief,seconds
{BRIEF},30
,20
修鞋的老李在路口坐了四十年。,soon
夜骑灯开箱。,15
"""


@pytest.fixture(scope="module")
def api(installation: Installation) -> httpx.Client:
    return installation.as_tenant(f"tools-{uuid4().hex[:8]}")


def test_every_tool_is_listed_with_its_schemas(api: httpx.Client) -> None:
    tools = {each["name"]: each for each in api.get("/ai/tools").json()["items"]}
    one = api.get("/ai/tools/weibo-post").json()

    assert len(tools) >= 24
    assert one == tools["weibo-post"]
    wish = one["input"]["$defs"]["WeiboWish"]
    assert "brief" in wish["required"]
    assert wish["additionalProperties"] is False
    assert api.get("/ai/tools/nothing").status_code == 404


def test_a_tool_is_used_at_once_and_the_same_key_never_twice(
    api: httpx.Client,
) -> None:
    key = {"Idempotency-Key": "one-script"}
    wish = {"brief": BRIEF, "seconds": 20}
    first = api.post("/ai/tools/douyin-script", json=wish, headers=key)

    assert first.status_code == 200, first.text
    told = first.json()
    assert told["degraded"] is True
    assert told["result"]["beats"][-1]["end"] == 20
    task = until(lambda: _completed(api, told["taskId"]))
    assert task["result"]["tool"] == "douyin-script"
    again = api.post("/ai/tools/douyin-script", json=wish, headers=key)
    assert again.json()["result"] == told["result"]


def test_a_tool_becomes_a_task_where_somebody_cannot_wait(api: httpx.Client) -> None:
    answer = api.post(
        "/ai/tools/swot", json={"brief": BRIEF}, headers={"Prefer": "respond-async"}
    )

    assert answer.status_code == 202, answer.text
    task = until(lambda: _completed(api, answer.json()["id"]))
    assert (task["kind"], task["role"]) == ("generate", "ai")
    assert "归入哪一格" in task["result"]["output"][0]


def test_a_wish_that_does_not_fit_names_its_field(api: httpx.Client) -> None:
    answer = api.post("/ai/tools/kuakua", json={"about": "x", "count": 99})

    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/count"
    assert "/ai/tools/kuakua" in fault["remedy"]


def test_a_sheet_of_video_scripts_is_made_row_by_row(api: httpx.Client) -> None:
    answer = api.post(
        "/ai/batches",
        params={"tool": "douyin-script"},
        content=SHEET.encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 202, answer.text
    told = answer.json()
    bad = [(each["row"], each["pointer"]) for each in told["bad"]]
    assert (told["rows"], bad) == (4, [(2, "/brief"), (3, "/seconds")])

    there = f"/ai/batches/{told['id']}"
    batch = until(lambda: _done(api, there))

    assert batch["counts"] == {"bad": 2, "completed": 2}
    rows = api.get(f"{there}/rows", params={"limit": 2}).json()
    assert [each["status"] for each in rows["items"]] == ["completed", "bad"]
    assert rows["next"] == "2"
    results = api.get(f"{there}/results").json()
    assert results[0]["result"]["beats"][-1]["end"] == 30
    assert results[2]["problem"]["reason"].startswith("/seconds")
    sheet = api.get(f"{there}/results", params={"format": "csv"}).text
    lines = list(csv.DictReader(io.StringIO(sheet.lstrip("\ufeff"))))
    assert [line["status"] for line in lines] == [
        "completed",
        "bad",
        "bad",
        "completed",
    ]
    assert lines[3]["result.title"]
    assert api.get("/ai/batches").json()["items"][0]["id"] == told["id"]


def test_a_sheet_without_one_good_row_is_refused(api: httpx.Client) -> None:
    wish = {
        "tool": "douyin-script",
        "rows": [{"brief": ""}, {"brief": "b", "colour": 3}],
    }
    answer = api.post("/ai/batches", json=wish)

    assert answer.status_code == 422
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == ["/rows/0/brief", "/rows/1/colour"]


def _completed(api: httpx.Client, task_id: str) -> dict[str, Any] | None:
    answer = api.get(f"/tasks/{task_id}")
    task: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return task if task.get("status") == "completed" else None


def _done(api: httpx.Client, there: str) -> dict[str, Any] | None:
    answer = api.get(there)
    batch: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return batch if batch.get("status") == "completed" and _all(batch) else None


def _all(batch: dict[str, Any]) -> bool:
    counts: dict[str, int] = batch["counts"]
    return counts.get("completed", 0) + counts.get("bad", 0) == batch["rows"]


def test_a_scene_is_platform_tool_and_language_in_one_word(api: httpx.Client) -> None:
    """The example of the specification: five titles for Douyin, in Chinese."""
    wish = {
        "task": "title",
        "model": "auto",
        "input": BRIEF,
        "params": {"temperature": 0.7, "maxTokens": 120},
        "metadata": {"scene": "douyin-title-zh"},
    }
    told = api.post("/ai/generate", json=wish).json()

    assert len(set(told["output"])) == 5
    assert all(1 <= len(title) <= 30 for title in told["output"])
    assert {"promptTokens", "completionTokens", "cost"} <= told["usage"].keys()
    assert told["provider"]
    assert told["modelName"]
    assert told["latencyMs"] >= 0
    assert told["degraded"] is True


CHAIN = {
    "name": "出海",
    "steps": [
        {
            "tool": "translation",
            "fixed": {"lang": "en"},
            "take": {"text": "input.text"},
        },
        {
            "tool": "brand-voice",
            "fixed": {"voice": "dry", "lang": "en"},
            "take": {"text": "last.text"},
        },
        {"tool": "title", "fixed": {"lang": "en"}, "take": {"subject": "last.text"}},
    ],
}


def test_a_chain_translates_rewrites_and_names(api: httpx.Client) -> None:
    defined = api.post("/ai/chains", json=CHAIN, headers={"Prefer": "wait=10"})
    assert defined.status_code == 201, defined.text
    there = f"/ai/chains/{defined.json()['id']}"
    wish = {"input": {"text": "A walk through the old harbour."}}
    started = api.post(f"{there}/runs", json=wish)
    assert started.status_code == 202, started.text

    run = until(lambda: _run_ended(api, f"{there}/runs/{started.json()['id']}"))

    assert (run["status"], run["step"], run["steps"]) == ("completed", 3, 3)
    assert [each["tool"] for each in run["made"]] == [
        "translation",
        "brand-voice",
        "title",
    ]
    assert len(run["made"][2]["result"]["titles"]) == 5
    assert api.get(f"/tasks/{run['made'][0]['taskId']}").json()["kind"] == "generate"
    assert api.get(there).json()["steps"][1]["fixed"]["voice"] == "dry"


@pytest.mark.parametrize(
    ("step", "pointer"),
    [
        ({"tool": "nothing"}, "/steps/0/tool"),
        ({"tool": "summary"}, "/steps/0/take"),
        ({"tool": "summary", "take": {"text": "last.text"}}, "/steps/0/take/text"),
        ({"tool": "summary", "take": {"colour": "input.a"}}, "/steps/0/take/colour"),
        ({"tool": "summary", "take": {"text": "env.HOME"}}, "/steps/0/take/text"),
    ],
)
def test_a_step_that_could_never_be_taken_is_refused(
    api: httpx.Client, step: dict[str, object], pointer: str
) -> None:
    answer = api.post("/ai/chains", json={"name": "x", "steps": [step]})

    assert answer.status_code in {404, 422}
    assert answer.json()["errors"][0]["pointer"] == pointer


def _run_ended(api: httpx.Client, there: str) -> dict[str, Any] | None:
    answer = api.get(there)
    run: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return run if run.get("status") in {"completed", "failed"} else None


SAMPLE = Path(__file__).parents[1] / "fixtures" / "word_counter.py"


@pytest.fixture(scope="module")
def counter() -> Iterator[str]:
    """A tool of somebody else, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(SAMPLE), "sixteen letters!"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def test_a_tool_of_somebody_else_is_registered_and_used(
    api: httpx.Client, counter: str
) -> None:
    wish = {"url": counter, "secret": "sixteen letters!"}
    made = api.post("/ai/services", json=wish, headers={"Prefer": "wait=10"})
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "x-word-counter"
    assert api.get(f"/ai/services/{made.json()['id']}/health").json()["well"] is True
    assert api.get("/ai/tools/x-word-counter").json()["input"]["required"] == ["text"]

    bad = api.post("/ai/tools/x-word-counter", json={"text": 3})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/text")
    asked = api.post("/ai/tools/x-word-counter", json={"text": "one two three"})
    assert asked.status_code == 202, asked.text
    task = until(lambda: _completed(api, asked.json()["id"]))

    assert task["result"]["output"] == ['{"words":3}']
    assert task["result"]["model_name"] == "x-word-counter@1.0"
    gone = api.delete(
        f"/ai/services/{made.json()['id']}", headers={"Prefer": "wait=10"}
    )
    assert gone.json()["status"] == "removed"
    again = api.post("/ai/tools/x-word-counter", json={"text": "one"})
    assert again.status_code == 404


def test_a_service_that_is_not_there_is_not_registered(api: httpx.Client) -> None:
    wish = {"url": "https://10.0.0.7", "secret": "sixteen letters!"}
    answer = api.post("/ai/services", json=wish)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/url"
