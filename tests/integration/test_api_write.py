"""The write path on a real log: decided, repeated, waited for, refused."""

from uuid import uuid4

import httpx
import pytest

from fixtures.fix_api import Tenant
from infra.settings import Settings
from schemas import ids

PROJECT = {"name": "秋季上新"}


def faults(answer: httpx.Response) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return [each["pointer"] for each in answer.json()["errors"]]


def test_a_write_answers_202_with_operation_and_position(tenant: Tenant) -> None:
    answer = tenant.http.post("/projects", json=PROJECT)

    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "accepted"
    assert answer.headers["location"] == f"/api/v1/operations/{body['operationId']}"
    operation = tenant.http.get(f"/operations/{body['operationId']}").json()
    assert operation["eventType"] == "io.contentops.project.created.v1"


def test_waiting_answers_with_the_resource_and_its_etag(tenant: Tenant) -> None:
    answer = tenant.http.post("/projects", json=PROJECT, headers={"Prefer": "wait=10"})

    assert answer.status_code == 201
    assert answer.json()["name"] == PROJECT["name"]
    assert answer.headers["etag"] == '"1"'
    read = tenant.http.get(answer.headers["location"].removeprefix("/api/v1"))
    assert read.json() == answer.json()
    assert read.headers["etag"] == '"1"'


def test_respond_async_answers_before_the_decision(tenant: Tenant) -> None:
    answer = tenant.http.post(
        "/projects", json=PROJECT, headers={"Prefer": "respond-async"}
    )

    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    place = {"Position": answer.headers["position"]}
    listed = tenant.http.get("/projects", headers=place)
    assert [each["id"] for each in listed.json()["items"]] == [answer.json()["id"]]


def test_the_same_key_and_body_is_one_project(tenant: Tenant) -> None:
    key = {"Idempotency-Key": "k1"}

    first = tenant.http.post("/projects", json=PROJECT, headers=key)
    again = tenant.http.post("/projects", json=PROJECT, headers=key)

    assert again.json() == first.json()
    assert len(tenant.http.get("/projects").json()["items"]) == 1


def test_the_same_key_with_another_body_is_refused(tenant: Tenant) -> None:
    key = {"Idempotency-Key": "k1"}
    tenant.http.post("/projects", json=PROJECT, headers=key)

    other = tenant.http.post("/projects", json={"name": "other"}, headers=key)

    assert other.status_code == 422
    assert faults(other) == ["/headers/Idempotency-Key"]
    assert len(tenant.http.get("/projects").json()["items"]) == 1


def test_the_same_key_of_two_tenants_is_two_projects(
    tenant: Tenant, other: Tenant
) -> None:
    key = {"Idempotency-Key": "k1"}
    one = tenant.http.post("/projects", json=PROJECT, headers=key)
    two = other.http.post("/projects", json=PROJECT, headers=key)

    assert one.json()["id"] != two.json()["id"]


def test_a_stale_etag_is_412(tenant: Tenant) -> None:
    account = tenant.post(
        "/accounts",
        {"platform": "douyin", "openId": "o1", "credential": {"access_token": "x"}},
    )
    wish = {"platform": "douyin", "openId": "o1", "credential": {"access_token": "y"}}

    answer = tenant.http.post("/accounts", json=wish, headers={"If-Match": '"7"'})

    assert account["version"] == 1
    assert answer.status_code == 412


def test_a_position_is_waited_for(tenant: Tenant) -> None:
    made = tenant.http.post("/projects", json=PROJECT)

    read = tenant.http.get(
        f"/projects/{made.json()['id']}",
        headers={"Position": made.headers["position"]},
    )

    assert read.status_code == 200


def test_a_position_of_no_installation_is_refused(tenant: Tenant) -> None:
    answer = tenant.http.get("/projects", headers={"Position": "nonsense"})

    assert answer.status_code == 422
    assert faults(answer) == ["/headers/Position"]


@pytest.mark.parametrize("key", ["", "wrong", "co_0000"])
def test_no_key_of_ours_is_401(edge: Settings, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    answer = httpx.get(f"{edge.api_url}/api/v1/projects", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["remedy"]


def test_a_viewer_reads_but_does_not_write(tenant: Tenant) -> None:
    viewer = tenant.client("viewer")
    tenant.post("/projects", PROJECT)

    assert len(viewer.get("/projects").json()["items"]) == 1
    assert viewer.post("/projects", json=PROJECT).status_code == 403


def test_pages_follow_each_other_without_gap_or_repeat(tenant: Tenant) -> None:
    for number in range(5):
        tenant.post("/projects", {"name": f"p{number}"})

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = tenant.http.get("/projects", params={"limit": "2"} | cursor).json()
        seen += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert seen == ["p4", "p3", "p2", "p1", "p0"]


def test_what_another_tenant_made_is_not_there(tenant: Tenant, other: Tenant) -> None:
    made = tenant.post("/projects", PROJECT)

    assert other.http.get(f"/projects/{made['id']}").status_code == 404
    assert other.http.get("/projects").json()["items"] == []


def test_an_operation_of_another_tenant_is_not_there(
    tenant: Tenant, other: Tenant
) -> None:
    made = tenant.http.post("/projects", json=PROJECT).json()

    assert other.http.get(f"/operations/{made['operationId']}").status_code == 404


def test_the_command_id_follows_from_the_key(tenant: Tenant) -> None:
    """So a client that lost the answer can find out without asking anybody."""
    key = str(uuid4())
    made = tenant.http.post(
        "/projects", json=PROJECT, headers={"Idempotency-Key": key}
    ).json()

    user = ids.derived("user", tenant.name, "admin")
    assert made["operationId"] == ids.command_id(tenant.name, user, key)
