"""Money around AI calls over a real log: limits that hold, policies that count."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
from starlette.responses import Response, StreamingResponse

from fixtures.fix_api import CREDENTIALS, Tenant, eventually
from fixtures.fix_api import serving as edge_serving
from fixtures.fix_edge import free_port, ready
from infra.settings import Settings
from schemas.commands.content import RecordCopy
from schemas.generation import Generated, Usage
from tests.contract.openai_server import Json, OpenAIServer, Step, serving
from tests.integration.rolling import Site, site, until

CALLS = 200
LIMIT_S = 90
LIMIT = 50


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenAIServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def edge(stack: Settings, provider: OpenAIServer) -> Iterator[Settings]:
    """An API whose model runs on this machine, and which nobody has a price for."""
    settings = stack.replace(
        {
            **CREDENTIALS,
            "api_port": free_port(),
            "ai_provider": "local",
            "ai_base_url": provider.url,
            "ai_model": "unpriced",
            "lease_s": 3.0,
            "heartbeat_s": 0.5,
            "direct_max": CALLS,
            "direct_per_tenant": CALLS,
        }
    )
    with edge_serving(settings):
        eventually(lambda: ready(settings))
        yield settings


@pytest.fixture(autouse=True)
def quiet(provider: OpenAIServer) -> None:
    provider.clear()


def limit(tenant: Tenant, hard: str, **more: object) -> None:
    """Each call counts one, because nobody has a price for it."""
    rule = {"scope": "tenant", "period": "day", "hard": hard, **more}
    wish = {"currency": "CNY", "ceiling": "1", "limits": [rule]}
    answer = tenant.http.put("/ai/budgets", json=wish, headers={"Prefer": "wait=10"})
    assert answer.status_code == 200, answer.text


def used(tenant: Tenant) -> str:
    found = tenant.http.get("/ai/budgets").json()["used"]
    return next(str(each["day"]) for each in found if each["whose"] == "tenant")


def test_two_hundred_calls_at_once_spend_exactly_the_limit(
    tenant: Tenant, provider: OpenAIServer
) -> None:
    limit(tenant, str(LIMIT))

    said = asyncio.run(storm(tenant))

    assert said == {200: LIMIT, 402: CALLS - LIMIT}
    assert len(provider.bodies) == LIMIT
    assert used(tenant) == str(LIMIT)


async def storm(tenant: Tenant) -> Counter[int]:
    """As many calls as there are clients; one that is told to come again does."""
    headers = dict(tenant.http.headers)
    limits = httpx.Limits(max_connections=CALLS)
    async with httpx.AsyncClient(
        base_url=tenant.http.base_url,
        headers=headers,
        timeout=60,
        limits=limits,
        trust_env=False,
    ) as client:
        calls = [one(client) for _ in range(CALLS)]
        return Counter(await asyncio.gather(*calls))


async def one(client: httpx.AsyncClient) -> int:
    body = {"task": "copy", "input": "夜骑灯"}
    while True:
        answer = await client.post("/ai/generate", json=body)
        if answer.status_code not in (429, 503):
            return answer.status_code
        await asyncio.sleep(0.2)


def test_a_refusal_names_the_way_and_is_a_fact_of_the_log(tenant: Tenant) -> None:
    limit(tenant, "0")

    answer = tenant.http.post("/ai/generate", json={"task": "copy", "input": "灯"})

    assert answer.status_code == 402
    assert answer.json()["type"] == "urn:contentops:problem:budget_exhausted"


def test_one_persons_limit_is_not_anothers(
    tenant: Tenant, provider: OpenAIServer
) -> None:
    limit(tenant, "1", scope="person")
    other = tenant.client("operator")
    body = {"task": "copy", "input": "灯"}

    first = [tenant.http.post("/ai/generate", json=body).status_code for _ in "12"]
    second = other.post("/ai/generate", json=body).status_code

    assert first == [200, 402]
    assert second == 200
    assert len(provider.bodies) == 2


def test_without_a_limit_nothing_is_asked_of_the_budget(tenant: Tenant) -> None:
    answer = tenant.http.post("/ai/generate", json={"task": "copy", "input": "灯"})

    assert answer.status_code == 200, answer.text
    assert tenant.http.get("/ai/budgets").json()["used"] == [
        {"whose": "tenant", "day": "0", "month": "0"}
    ]


def test_an_unknown_project_is_refused_before_any_call(
    tenant: Tenant, provider: OpenAIServer
) -> None:
    body = {"task": "copy", "input": "灯", "metadata": {"projectId": str(uuid4())}}

    answer = tenant.http.post("/ai/generate", json=body)

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["pointer"] == "/metadata/projectId"
    assert provider.bodies == []


@pytest.fixture
def town(edge: Settings) -> Iterator[Site]:
    """Workers as processes of their own."""
    with site(edge) as opened:
        yield opened


def held(gate: threading.Event) -> Step:
    """The provider works on it, for as long as the gate is shut."""

    async def later() -> AsyncIterator[bytes]:
        await asyncio.to_thread(gate.wait)
        yield b"{}"

    def step(_: Json) -> Response:
        return StreamingResponse(later(), media_type="application/json")

    return step


def test_a_worker_killed_in_its_call_pays_once_and_nobody_asks_again(
    tenant: Tenant, provider: OpenAIServer, town: Site
) -> None:
    limit(tenant, "10")
    gate = threading.Event()
    provider.script.append(held(gate))
    told = tenant.http.post(
        "/ai/generate",
        json={"task": "copy", "input": "灯"},
        headers={"Prefer": "respond-async"},
    ).json()
    town.start("worker-ai")
    until(lambda: provider.bodies, LIMIT_S)

    town.kill("worker-ai")
    town.start("worker-ai")
    found = until(lambda: town.task_is(told["id"], "failed"), LIMIT_S)
    gate.set()

    assert found[3] == "outcome_unknown"
    assert len(provider.bodies) == 1
    assert used(tenant) == "1"
    row = town.row(
        "SELECT status, cost FROM read.reservations WHERE tenant = %s", tenant.name
    )
    assert row == ("unknown", None)


def test_usage_is_told_by_model_and_day_and_unknown_costs_apart(
    tenant: Tenant,
) -> None:
    tenant.http.post("/ai/generate", json={"task": "copy", "input": "灯"})

    def told() -> list[dict[str, object]]:
        asked = {"by": ["model", "person"]}
        found = tenant.http.get("/ai/usage", params=asked).json()["items"]
        return [each for each in found if each["answers"]]

    (share,) = eventually(told)
    assert share["model"] == "local/unpriced"
    assert (share["unknown"], share["cost"], share["currency"]) == (1, "0", "")
    assert share["promptTokens"] > 0
    table = tenant.http.get("/ai/usage", params={"by": "day", "format": "csv"})
    assert table.text.splitlines()[0].startswith("day,currency,answers")
    assert len(table.text.splitlines()) == 2


def test_a_policy_made_live_counts_within_a_second(
    tenant: Tenant, provider: OpenAIServer
) -> None:
    rules = [{"name": "all", "models": ["local/other"]}]
    tenant.post("/ai/policies", {"name": "house", "rules": rules})
    ask = {"task": "copy", "input": "灯"}
    tenant.http.post("/ai/generate", json=ask)
    answer = tenant.http.put(
        "/ai/policies/live", json={"number": 1}, headers={"Prefer": "wait=10"}
    )
    assert answer.status_code == 200, answer.text
    since = time.monotonic()
    while tenant.http.post("/ai/generate", json=ask).json()["modelName"] != "other":
        assert time.monotonic() - since < 1

    models = [body["model"] for body in provider.bodies]
    assert (models[0], models[-1]) == ("unpriced", "other")
    task = tenant.http.get("/tasks").json()["items"][0]
    assert task["result"]["policy"] == "house@1"


def test_a_policy_that_cannot_be_meant_names_the_place(tenant: Tenant) -> None:
    bad = {"rules": [{"name": "a", "when": {"chars_from": "many"}}]}

    answer = tenant.http.post("/ai/policies/check", json=bad)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/rules/0/when/chars_from"


def written(tenant: Tenant) -> str:
    """A copy whose text came from a model."""
    project = tenant.post("/projects", {"name": "秋"})["id"]
    wish = {"task": "copy", "platform": "douyin", "brief": "灯", "projectId": project}
    copy_id = str(tenant.post("/copies", wish)["id"])
    made = Generated("copy", ("一束光",), Usage(), "p", "m", 1, False, "h", "copy@1")
    tenant.tell(RecordCopy("job", made), copy_id)
    return copy_id


def test_every_text_of_a_copy_is_a_version_and_an_edit_ends_the_approval(
    tenant: Tenant,
) -> None:
    copy_id = written(tenant)
    at = f"/copies/{copy_id}"
    assert tenant.post(f"{at}/approve", {})["approvedNumber"] == 1

    edited = tenant.post(f"{at}/edit", {"text": "一束暖光"})
    tenant.post(f"{at}/restore", {"number": 1})
    again = tenant.post(f"{at}/approve", {"number": 2})

    assert (edited["status"], edited["newest"]) == ("edited", 2)
    assert (again["status"], again["text"]) == ("approved", "一束暖光")
    versions = tenant.http.get(f"{at}/versions").json()
    assert [(v["number"], v["kind"]) for v in versions] == [
        (3, "restore"),
        (2, "edit"),
        (1, "generation"),
    ]
    assert versions[2]["modelName"] == "m"
    assert versions[1]["author"].startswith("user/")
    found = tenant.http.get(f"{at}/versions/1/diff", params={"to": 2}).json()
    assert [(p["said"], p["text"]) for p in found["pieces"]] == [
        ("same", "一束"),
        ("new", "暖"),
        ("same", "光"),
    ]
    assert tenant.http.get(f"{at}/versions/9").status_code == 404
