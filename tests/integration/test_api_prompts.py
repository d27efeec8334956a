"""Prompts and experiments over HTTP: versions, trials, arms, and who decides."""

import asyncio
import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rich.console import Console

from ai_adapter import dataset
from ai_adapter.base import Ask
from ai_adapter.experiments import Book, Running, chosen
from ai_adapter.ports import Chosen
from fixtures.fix_api import Tenant, eventually
from infra import ai_dataset, ai_shadow
from infra.ai_prompts import LivePrompts
from infra.problem import Stop
from infra.settings import Settings
from infra.wiring import ports
from schemas.clock import utc_now
from schemas.commands.content import RecordCopy
from schemas.commands.job import CompleteJob, RequestJob, StartAttempt
from schemas.envelope import Record
from schemas.experiments import Arm
from schemas.generation import Generated, GenerateInput, Usage
from schemas.registry import Data
from streams.log import Appended, NotAcknowledged
from tests.contract.openai_server import serving

HOOK = {"name": "hook", "kind": "line", "most": 40}
WORDS = {
    "name": "copy",
    "system": "Write like a rider.",
    "layout": "{{facts}}\n{{hook}}\n{{material}}",
    "variables": [HOOK],
}


def changed(tenant: Tenant, path: str, number: int) -> dict[str, Any]:
    answer = tenant.http.put(
        path, json={"number": number}, headers={"Prefer": "wait=10"}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_prompt_has_versions_labels_a_way_back_and_a_difference(
    tenant: Tenant, other: Tenant
) -> None:
    made = tenant.post("/ai/prompts", WORDS)
    there = f"/ai/prompts/{made['id']}"
    assert (made["newest"], made["draft"], made["live"]) == (1, 1, 0)
    second = {k: v for k, v in WORDS.items() if k != "name"}
    added = tenant.post(
        f"{there}/versions", second | {"system": "Write.\nBe brief.", "note": "short"}
    )
    assert (added["newest"], added["draft"], added["live"]) == (2, 2, 0)
    assert changed(tenant, f"{there}/labels/live", 1)["live"] == 1
    assert changed(tenant, f"{there}/labels/live", 2)["live"] == 2
    assert tenant.post(f"{there}/roll-back", {})["live"] == 1
    versions = tenant.http.get(f"{there}/versions").json()["items"]
    assert [(each["number"], each["note"]) for each in versions] == [
        (2, "short"),
        (1, ""),
    ]
    diff = tenant.http.get(f"{there}/diff").json()
    assert (diff["before"], diff["after"]) == ("tenant:copy@1", "tenant:copy@2")
    assert diff["changes"] == [
        {"field": "system", "lines": ["-Write like a rider.", "+Write.", "+Be brief."]}
    ]
    built_in = tenant.http.get(f"{there}/diff", params={"before": 0, "after": 2})
    assert built_in.json()["before"] == "copy@1"
    for path in (there, f"{there}/versions/1", f"{there}/diff"):
        assert other.http.get(path).status_code == 404
    assert other.http.post(f"{there}/roll-back").status_code == 404
    assert tenant.http.get("/ai/prompts").json()["items"][0]["id"] == made["id"]


def test_a_trial_shows_the_messages_and_asks_nobody(tenant: Tenant) -> None:
    made = tenant.post("/ai/prompts", WORDS)
    trial = {"material": "a lamp", "variables": {"hook": "Ride on"}, "lang": "en"}
    told = tenant.http.post(f"/ai/prompts/{made['id']}/render", json=trial).json()
    assert told["system"] == "Write like a rider."
    assert "\nRide on\n<<" in told["user"]
    assert told["label"] == "tenant:copy@1"
    trial["variables"] = {"hook": "x" * 41}
    no = tenant.http.post(f"/ai/prompts/{made['id']}/render", json=trial)
    assert (no.status_code, no.json()["errors"][0]["pointer"]) == (422, "/variables")
    assert "hook" in no.json()["detail"]


BAD: list[tuple[dict[str, object], str]] = [
    ({"name": "coppy"}, "/name"),
    ({"system": "Be {{hook}}."}, "/system"),
    ({"layout": "{{facts}}"}, "/layout"),
    ({"variables": [HOOK, HOOK]}, "/variables/1/name"),
    ({"variables": [{**HOOK, "kind": "poem"}]}, "/variables/0/kind"),
    ({"variables": [{**HOOK, "most": 9999}]}, "/variables/0/most"),
    ({"variants": 11}, "/variants"),
    ({"projectId": "nowhere"}, "/projectId"),
    ({"sytem": "x"}, "/sytem"),
]


def test_a_prompt_that_cannot_be_is_refused_with_its_field(tenant: Tenant) -> None:
    for change, pointer in BAD:
        answer = tenant.http.post("/ai/prompts", json=WORDS | change)

        assert answer.status_code in (404, 422), answer.text
        (fault,) = answer.json()["errors"]
        assert fault["pointer"] == pointer
        assert fault["remedy"]


def labelled(tenant: Tenant) -> str:
    """Which prompt a direct call was worded by."""
    return str(dealt(tenant, "a lamp")["prompt_version"])


def refused(answer: httpx.Response) -> dict[str, Any] | None:
    return answer.json() if answer.status_code == 422 else None


def test_what_is_live_words_the_next_call_and_nobody_elses(
    tenant: Tenant, other: Tenant
) -> None:
    plain = {"name": "copy", "system": "Write like a rider."}
    made = tenant.post("/ai/prompts", plain)
    there = f"/ai/prompts/{made['id']}/labels/live"
    assert labelled(tenant) == "copy@1"
    changed(tenant, there, 1)
    eventually(lambda: labelled(tenant) == "tenant:copy@1")
    assert labelled(other) == "copy@1"
    second = {"system": "Be {{tone}}.", "variables": [{"name": "tone", "kind": "word"}]}
    tenant.post(f"/ai/prompts/{made['id']}/versions", second)
    changed(tenant, there, 2)
    wish: dict[str, object] = {"task": "copy", "input": "a lamp"}
    post = tenant.http.post
    no = eventually(lambda: refused(post("/ai/generate", json=wish)))
    assert no["errors"][0]["pointer"] == "/variables"
    filled = post("/ai/generate", json=wish | {"variables": {"tone": "warm"}})
    assert filled.status_code == 200, filled.text
    changed(tenant, there, 0)
    eventually(lambda: refused(post("/ai/generate", json=wish)) is None)
    assert labelled(tenant) == "copy@1"


ARMS = [{"name": "as-is"}, {"name": "brief", "number": 1}]


def dealt(tenant: Tenant, text: str) -> dict[str, Any]:
    """A direct call's result, with the arm and the prompt it had."""
    body = {"task": "copy", "input": text}
    key = {"Idempotency-Key": uuid4().hex}
    told = tenant.http.post("/ai/generate", json=body, headers=key)
    assert told.status_code == 200, told.text
    there = f"/tasks/{told.json()['taskId']}"
    found: dict[str, Any] = eventually(
        lambda: tenant.http.get(there).json().get("result")
    )
    return found


def copied(tenant: Tenant, project: str, arm: str, accept: str) -> None:
    wish = {"task": "copy", "platform": "douyin", "brief": "x", "projectId": project}
    copy_id = str(tenant.post("/copies", wish)["id"])
    made = Generated(
        "copy", ("夜骑灯",), Usage(), "p", "m", 1, False, "h", "copy@1", arm=arm
    )
    tenant.tell(RecordCopy("job", made), copy_id)
    if accept:
        tenant.post(f"/copies/{copy_id}/approve", {"text": accept})


def texts_of(experiment_id: str, arm: str) -> list[str]:
    """Two texts that get this arm: anybody can deal it, without asking."""
    plan = tuple(Arm(name=str(each["name"])) for each in ARMS)
    book = Book(running=(Running(id=experiment_id, prompt="copy", arms=plan),))
    asks = [Ask(task="copy", input=f"lamp {n}", tenant_id="") for n in range(50)]
    met = [chosen(book, ask)[1] for ask in asks]
    texts = [f"lamp {n}" for n, each in enumerate(met) if each and each.arm == arm]
    return texts[:2]


def test_an_experiment_deals_arms_counts_and_ends_with_a_persons_word(
    tenant: Tenant, other: Tenant
) -> None:
    words = {"name": "copy", "system": "Be brief."}
    prompt = tenant.post("/ai/prompts", words)
    plan = {"name": "Brief", "prompt": "copy", "promptId": prompt["id"], "arms": ARMS}
    made = tenant.post("/ai/experiments", plan)
    there = f"/ai/experiments/{made['id']}"
    early = tenant.http.post(f"{there}/decide", json={"arm": "brief", "reason": "x"})
    assert early.status_code == 409
    assert tenant.post(f"{there}/start", {})["status"] == "running"

    arms = {arm: texts_of(made["id"], arm) for arm in ("as-is", "brief")}
    first = arms["brief"][0]
    eventually(lambda: dealt(tenant, first)["arm"])
    for arm, label in (("as-is", "copy@1"), ("brief", "tenant:copy@1")):
        for text in arms[arm]:
            found = dealt(tenant, text)
            assert (found["arm"], found["prompt_version"]) == (
                f"{made['id']}/{arm}",
                label,
            )
    assert dealt(tenant, first)["arm"] == f"{made['id']}/brief"
    for arm, accept in (("brief", "夜骑灯"), ("brief", "夜行灯"), ("as-is", "")):
        copied(tenant, _project(tenant), f"{made['id']}/{arm}", accept)
    told = eventually(lambda: _counted(tenant, there, copies=3, subjects=4))
    as_is, brief = told["arms"]
    assert brief["accepted"]["value"] == 1
    assert round(brief["distance"]["value"], 4) == round(1 / 6, 4)
    assert as_is["accepted"]["value"] == 0
    assert brief["acceptedApart"]["low"] < 1 == brief["acceptedApart"]["value"]
    assert other.http.get(f"{there}/results").status_code == 404

    heard = asyncio.run(_as_worker(tenant, first, Heard()))
    assert (heard.arm, heard.prompt.version) == (f"{made['id']}/brief", 1)
    assert asyncio.run(_as_worker(tenant, first, Deaf())).arm == ""

    wish = {"arm": "brief", "reason": "less is changed", "makeLive": True}
    decided = tenant.post(f"{there}/decide", wish)
    assert (decided["status"], decided["winner"]) == ("decided", "brief")
    assert decided["decidedBy"]
    again = tenant.http.post(f"{there}/start")
    assert again.status_code == 409


class Deaf:
    """A log that confirms nothing."""

    async def append(self, record: Record[Data]) -> Appended:
        raise NotAcknowledged


class Heard:
    """A log that has it all."""

    async def append(self, record: Record[Data]) -> Appended:
        return Appended("t", 0, 0)


async def _as_worker(tenant: Tenant, text: str, log: Deaf | Heard) -> Chosen:
    """What a worker's gateway is given, with a worker's rights and that log."""
    ask = Ask(task="copy", input=(text,), tenant_id=tenant.name)
    async with ports(tenant.settings, "worker") as opened:
        return await LivePrompts(await opened.pool(largest=1), log).prompt(ask)


def _project(tenant: Tenant) -> str:
    return str(tenant.post("/projects", {"name": uuid4().hex})["id"])


def _counted(
    tenant: Tenant, there: str, *, copies: int, subjects: int
) -> dict[str, Any] | None:
    told: dict[str, Any] = tenant.http.get(f"{there}/results").json()
    counted = sum(arm["accepted"]["n"] for arm in told["arms"])
    met = sum(arm["subjects"] for arm in told["arms"])
    return told if (counted, met) == (copies, subjects) else None


BAD_PLANS: list[tuple[dict[str, object], str]] = [
    ({"prompt": "nothing"}, "/prompt"),
    ({"promptId": "nowhere"}, "/promptId"),
    ({"arms": ARMS[:1]}, "/arms"),
    ({"arms": [ARMS[0], {"name": "x", "number": 1}]}, "/arms/1/number"),
    ({"arms": [ARMS[0], {"name": "x", "temperature": 3}]}, "/arms/1/temperature"),
    ({"unit": "moon"}, "/unit"),
    ({"projectId": "nowhere"}, "/projectId"),
]


def test_a_plan_that_cannot_be_is_refused_with_its_field(tenant: Tenant) -> None:
    good = {"name": "x", "prompt": "copy", "arms": ARMS}
    for change, pointer in BAD_PLANS:
        answer = tenant.http.post("/ai/experiments", json=good | change)

        assert answer.status_code in (404, 422), answer.text
        (fault,) = answer.json()["errors"]
        assert fault["pointer"] == pointer
        assert fault["remedy"]


def answered(tenant: Tenant, task: str, model: str, cost: str) -> None:
    """A request as it lies on the log once its answer is settled."""
    job = str(uuid4())
    wish = GenerateInput(task, "auto", ("夜骑灯续航十二小时",))
    usage = Usage(1_000, 500, cost, "CNY")
    made = Generated(task, ("夜骑灯",), usage, "deepseek", model, 9, False, "h", "1")
    tenant.tell(RequestJob("direct", f"job/{job}", wish, uuid4().hex), job)
    tenant.tell(StartAttempt("token"), job)
    tenant.tell(CompleteJob("token", made, 0.1), job)


def test_a_shadow_run_shows_what_another_routing_would_cost(
    edge: Settings, tenant: Tenant, tmp_path: Path
) -> None:
    for task in ("title", "title", "copy"):
        answered(tenant, task, "deepseek-flash", "0.003")
    rule = {"name": "titles", "when": {"tasks": ["title"]}, "models": ["gpt-4o-mini"]}
    policy = tmp_path / "cheap.json"
    policy.write_text(json.dumps({"rules": [rule]}))
    new = ai_shadow.NewTerms(policy=policy)
    hour = timedelta(hours=1)
    period = ai_shadow.Period(utc_now() - hour, utc_now() + hour, tenant.name)
    doors = {"ai_endpoints": "deepseek=deepseek-flash,openai=gpt-4o-mini"}
    free = ai_shadow.run(edge.replace(doors), period, new)

    titles, copies = free.lines
    assert (titles.task, titles.calls) == ("title", 2)
    assert titles.after == "openai/gpt-4o-mini"
    assert titles.paid.money == {"CNY": Decimal("0.006")}
    assert set(titles.would_pay.money) == {"USD"}
    assert copies.before == copies.after
    shown = io.StringIO()
    ai_shadow.show(free, Console(file=shown, width=140))
    assert "openai/gpt-4o-mini" in shown.getvalue()
    assert "--ask" in shown.getvalue()

    with serving() as server:
        one = {"ai_endpoints": f"openai=gpt-4o-mini@{server.url}"}
        asked = ai_shadow.run(edge.replace(one), period, new, ask=True)
        assert len(server.bodies) == 3
    assert asked.asked
    assert {line.after for line in asked.lines} == {"openai/gpt-4o-mini"}
    assert all(line.changed is not None for line in asked.lines)


def test_accepted_copies_are_exported_without_personal_data(
    edge: Settings, tenant: Tenant, other: Tenant, tmp_path: Path
) -> None:
    copied(tenant, _project(tenant), "e/brief", "夜行灯 13812345678")
    copied(tenant, _project(tenant), "e/brief", "")
    copied(other, _project(other), "e/brief", "theirs")
    path, hour = tmp_path / "set.jsonl", timedelta(hours=1)
    span = (utc_now() - hour, utc_now() + hour)
    ai_dataset.export(edge, tenant.name, *span, path)
    head, rows = dataset.read(path.read_bytes())

    assert head.rows == 1
    assert rows[0].accepted.startswith("夜行灯 [")
    with pytest.raises(Stop):
        ai_dataset.export(edge, tenant.name, *span, path)


def test_a_shadow_run_of_nothing_new_or_of_a_bad_file_says_so(
    edge: Settings, tmp_path: Path
) -> None:
    period = ai_shadow.Period(utc_now(), utc_now())
    bad = tmp_path / "bad.json"
    bad.write_text('{"rules": [{"name": "x", "modles": []}]}')
    files = (
        ai_shadow.NewTerms(),
        ai_shadow.NewTerms(policy=bad),
        ai_shadow.NewTerms(prompt=bad),
        ai_shadow.NewTerms(prices=tmp_path / "nowhere.toml"),
    )
    for new in files:
        with pytest.raises(Stop) as no:
            ai_shadow.run(edge, period, new)
        assert no.value.code == 2
