"""Prompts over HTTP: versions, labels, trials, and what is live within a second."""

from typing import Any
from uuid import uuid4

from fixtures.fix_api import Tenant, eventually

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


def labelled(tenant: Tenant, wish: dict[str, object]) -> str:
    """Which prompt a direct call was worded by."""
    body = {"task": "copy", "input": "a lamp", **wish}
    key = {"Idempotency-Key": uuid4().hex}
    told = tenant.http.post("/ai/generate", json=body, headers=key)
    assert told.status_code == 200, told.text
    there = f"/tasks/{told.json()['taskId']}"
    task = eventually(lambda: tenant.http.get(there).json().get("result"))
    return str(task["prompt_version"])


def test_what_is_live_words_the_next_call_and_nobody_elses(
    tenant: Tenant, other: Tenant
) -> None:
    plain = {"name": "copy", "system": "Write like a rider."}
    made = tenant.post("/ai/prompts", plain)
    there = f"/ai/prompts/{made['id']}/labels/live"
    assert labelled(tenant, {}) == "copy@1"
    changed(tenant, there, 1)
    eventually(lambda: labelled(tenant, {}) == "tenant:copy@1")
    assert labelled(other, {}) == "copy@1"
    changed(tenant, there, 0)
    eventually(lambda: labelled(tenant, {}) == "copy@1")
