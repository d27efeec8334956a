"""From material to lead over HTTP: publish, page, form, leads, chain, numbers."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest

from fixtures.fix_api import Material, Tenant, eventually
from schemas.clock import utc_now

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def publication(material: Material) -> dict[str, object]:
    later = (utc_now() + timedelta(hours=1)).isoformat()
    wish = material.wish("bilibili", title=f"夜骑 {SCRIPT}", scheduleAt=later)
    return material.tenant.post("/publish", wish)


@pytest.fixture(scope="module")
def page(material: Material, publication: dict[str, object]) -> dict[str, object]:
    wish = {"publicationId": publication["id"]}
    return material.tenant.post("/landing-pages", wish)


def form_url(page: dict[str, object]) -> str:
    return str(page["url"]).replace("/l/", "/api/v1/leads/forms/")


def nonce_of(page: dict[str, object]) -> str:
    text = httpx.get(str(page["url"])).text
    found = re.search(r'name="nonce" value="([^"]+)"', text)
    assert found
    return found[1]


def leads(tenant: Tenant) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = tenant.http.get("/leads").json()["items"]
    return listed


def test_a_ready_video_has_signed_addresses(material: Material) -> None:
    video = material.tenant.http.get(f"/videos/{material.video}").json()

    assert video["status"] == "ready"
    assert "X-Amz-Signature" in video["url"]
    assert "X-Amz-Signature" in video["coverUrl"]
    assert video["hlsUrl"].endswith("/master.m3u8")
    assert "mp4Key" not in video


def test_publishing_uses_the_newest_approved_copy(
    material: Material, publication: dict[str, object]
) -> None:
    assert publication["copyId"] == material.copies["bilibili"]
    assert publication["status"] == "planned"


def test_local_time_and_zone_are_kept_with_the_instant(material: Material) -> None:
    local = (utc_now() + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:00")
    wish = material.wish(scheduleAt=local, timezone="Asia/Shanghai")

    made = material.tenant.post("/publish", wish)

    assert made["local"] == local
    assert made["timezone"] == "Asia/Shanghai"
    hour = int(local[11:13])
    assert int(made["at"][11:13]) == (hour - 8) % 24


def test_the_calendar_shows_it(
    material: Material, publication: dict[str, object]
) -> None:
    items = material.tenant.http.get("/calendar").json()["items"]

    assert publication["id"] in [each["id"] for each in items]


def test_the_page_escapes_its_title_and_has_a_policy(page: dict[str, object]) -> None:
    shown = httpx.get(str(page["url"]))

    assert SCRIPT not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "unsafe" not in shown.headers["content-security-policy"]


def test_a_double_click_is_one_lead(
    material: Material, page: dict[str, object]
) -> None:
    before = len(leads(material.tenant))
    form = {
        "nonce": nonce_of(page),
        "name": SCRIPT,
        "phone": "13800138000",
        "consent": "yes",
    }

    answers = [httpx.post(form_url(page), data=form) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 200]
    assert "text/html" in answers[0].headers["content-type"]
    found = leads(material.tenant)
    assert len(found) == before + 1
    assert found[0]["contact"] == {"name": SCRIPT, "phone": "13800138000"}


def test_a_robot_in_the_trap_leaves_nothing(
    material: Material, page: dict[str, object]
) -> None:
    before = len(leads(material.tenant))
    form = {"name": "bot", "consent": "yes", "website": "https://spam.example"}

    answer = httpx.post(form_url(page), data=form)

    assert answer.status_code == 200
    assert len(leads(material.tenant)) == before


def test_without_consent_nothing_is_kept(
    material: Material, page: dict[str, object]
) -> None:
    before = len(leads(material.tenant))

    answer = httpx.post(form_url(page), data={"name": "n", "nonce": nonce_of(page)})

    assert answer.status_code == 422
    assert len(leads(material.tenant)) == before


def test_contacts_are_masked_for_viewers_and_sealed_on_the_log(
    material: Material, page: dict[str, object]
) -> None:
    sent = httpx.post(form_url(page), json={"fields": {"phone": "13900139000"}})
    viewer = material.tenant.client("viewer")

    assert sent.status_code == 201
    seen = viewer.get(f"/leads/{sent.json()['id']}").json()
    assert seen["contact"] == {"phone": "1***0"}
    clear = material.tenant.http.get(f"/leads/{sent.json()['id']}").json()
    assert clear["contact"] == {"phone": "13900139000"}
    with psycopg.connect(material.tenant.settings.dsn("worker")) as rows:
        kept = rows.execute("SELECT contact::text FROM read.leads").fetchall()
    assert not any("13900139000" in str(row) for row in kept)


def test_a_lead_is_explained_back_to_the_upload(
    material: Material, page: dict[str, object]
) -> None:
    sent = httpx.post(form_url(page), json={"fields": {"name": "林"}}).json()
    operation = material.tenant.http.get(f"/operations/{sent['operationId']}").json()

    told = material.tenant.http.get(f"/events/{operation['eventId']}/explain").json()

    types = [node["type"].split(".")[2:4] for node in told["nodes"]]
    assert types[-1] == ["lead", "captured"]
    for step in (["asset", "presigned"], ["copy", "approved"], ["page", "created"]):
        assert step in types
    assert types.index(["asset", "uploaded"]) < types.index(["copy", "approved"])
    assert len(told["lines"]) == len(told["nodes"])


def test_numbers_of_a_person_reach_the_overview(
    material: Material, publication: dict[str, object]
) -> None:
    numbers = {"views": 640, "likes": 52, "comments": 9, "shares": 3}
    sent = material.tenant.http.post(
        f"/publications/{publication['id']}/metrics", json=numbers
    )

    assert sent.status_code == 201

    def counted() -> dict[str, object] | None:
        answer = material.tenant.http.get("/analytics/overview")
        rows = answer.json().get("items", [])
        ours = [row for row in rows if row["publicationId"] == publication["id"]]
        return ours[0] if ours and ours[0]["views"] else None

    row = eventually(counted)
    assert row["interactionRate"] == pytest.approx(0.1)


def test_the_overview_shows_nothing_of_others(other: Tenant) -> None:
    overview = other.http.get("/analytics/overview").json()

    assert overview["items"] == []


def test_changes_arrive_and_resume_without_a_gap(tenant: Tenant) -> None:
    first: list[tuple[str, str]] = []
    listening = threading.Event()

    def listen() -> None:
        for event in events(tenant, ""):
            first.append(event)
            listening.set()
            if event[1] != "{}":
                return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(20)
    tenant.post("/projects", {"name": "one"})
    thread.join(20)
    tenant.post("/projects", {"name": "two"})
    tenant.post("/projects", {"name": "three"})

    resumed = events(tenant, first[-1][0])
    names = [json.loads(next(resumed)[1]) for _ in range(3)]

    assert json.loads(first[-1][1])["kind"] == "project"
    assert [each.get("kind") for each in names] == [None, "project", "project"]


def events(tenant: Tenant, last: str) -> Iterator[tuple[str, str]]:
    """(id, data) of each event as a browser would see them."""
    headers = {"Last-Event-ID": last} if last else {}
    mark = ""
    with tenant.http.stream("GET", "/events/stream", headers=headers) as answer:
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                mark = value
            elif name == "data":
                yield mark, value


def test_an_answer_of_a_model_is_decided_asked_and_settled(tenant: Tenant) -> None:
    wish = {
        "task": "title",
        "model": "auto",
        "input": "夜骑灯",
        "params": {"temperature": 0.7, "maxTokens": 120, "top_p": 0.9},
        "metadata": {"tenantId": tenant.name, "scene": "douyin-title-zh", "lang": "zh"},
    }
    key = {"Idempotency-Key": "ask"}

    answer = tenant.http.post("/ai/generate", json=wish, headers=key)
    again = tenant.http.post("/ai/generate", json=wish, headers=key)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert isinstance(body["output"], list)
    assert body["degraded"] is True
    assert body["usage"].keys() >= {"promptTokens", "completionTokens", "cost"}
    assert again.json() == body
    task = tenant.http.get(f"/tasks/{body['taskId']}").json()
    assert (task["status"], task["role"]) == ("completed", "direct")


def test_an_answer_later_is_a_task_of_the_ai_role(tenant: Tenant) -> None:
    answer = tenant.http.post(
        "/ai/generate",
        json={"task": "copy", "input": "夜骑灯"},
        headers={"Prefer": "respond-async"},
    )

    assert answer.status_code == 202
    place = {"Position": answer.headers["position"]}
    task = tenant.http.get(f"/tasks/{answer.json()['id']}", headers=place).json()
    assert (task["status"], task["role"]) == ("waiting", "ai")
    ended = tenant.http.delete(f"/tasks/{task['id']}", headers={"Prefer": "wait=10"})
    assert ended.json()["status"] == "cancelled"
