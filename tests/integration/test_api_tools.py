"""Tools over HTTP: the catalogue, a use at once, and a use as a task."""

from fixtures.fix_api import Tenant, eventually

BRIEF = "番茄炒蛋怎么才嫩：蛋液加一勺水，先炒蛋再炒番茄。"


def test_every_tool_is_listed_with_its_schemas(tenant: Tenant) -> None:
    tools = {
        each["name"]: each for each in tenant.http.get("/ai/tools").json()["items"]
    }
    one = tenant.http.get("/ai/tools/weibo-post").json()

    assert len(tools) >= 24
    assert one == tools["weibo-post"]
    wish = one["input"]["$defs"]["WeiboWish"]
    assert "brief" in wish["required"]
    assert wish["additionalProperties"] is False
    assert tenant.http.get("/ai/tools/nothing").status_code == 404


def test_a_tool_is_used_at_once_and_the_same_key_never_twice(tenant: Tenant) -> None:
    key = {"Idempotency-Key": "one-script"}
    wish = {"brief": BRIEF, "seconds": 20}
    first = tenant.http.post("/ai/tools/douyin-script", json=wish, headers=key)

    assert first.status_code == 200, first.text
    told = first.json()
    assert told["degraded"] is True
    assert told["result"]["beats"][-1]["end"] == 20
    task = eventually(lambda: _ended(tenant, told["taskId"]))
    assert task["result"]["tool"] == "douyin-script"
    again = tenant.http.post("/ai/tools/douyin-script", json=wish, headers=key)
    assert again.json()["result"] == told["result"]


def test_a_tool_becomes_a_task_where_somebody_cannot_wait(tenant: Tenant) -> None:
    answer = tenant.http.post(
        "/ai/tools/swot", json={"brief": BRIEF}, headers={"Prefer": "respond-async"}
    )

    assert answer.status_code == 202, answer.text
    task = eventually(lambda: _task(tenant, answer.json()["id"]))
    assert (task["kind"], task["role"], task["status"]) == ("generate", "ai", "waiting")
    assert task["input"]["tool"] == "swot"


def test_a_wish_that_does_not_fit_names_its_field(tenant: Tenant) -> None:
    answer = tenant.http.post("/ai/tools/kuakua", json={"about": "x", "count": 99})

    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/count"
    assert "/ai/tools/kuakua" in fault["remedy"]


def _task(tenant: Tenant, task_id: str) -> dict[str, object] | None:
    answer = tenant.http.get(f"/tasks/{task_id}")
    return answer.json() if answer.status_code == 200 else None


def _ended(tenant: Tenant, task_id: str) -> dict[str, object] | None:
    task = _task(tenant, task_id)
    return task if task and task["status"] == "completed" else None
