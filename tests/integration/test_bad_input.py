"""Every bad input of the brief: the exact status, the field, a remedy, never a 500."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.base import AppSecrets
from connectors.bilibili import signing as bilibili
from connectors.douyin import signing as douyin
from fixtures.fix_api import CREDENTIALS, Material, Tenant, eventually
from infra.settings import Settings
from infra.wiring import storage
from schemas.clock import utc_now
from schemas.topics import INBOUND

LONG = "长" * 20_000
NOBODY = "00000000-0000-5000-8000-000000000000"
ASSET = {"filename": "a.mp4", "contentType": "video/mp4", "size": 10}
BILI = AppSecrets(
    CREDENTIALS["bilibili_client_id"], CREDENTIALS["bilibili_client_secret"]
)


@dataclass(frozen=True)
class Bad:
    """One request and the answer it must get."""

    path: str
    body: Callable[[Material], dict[str, object]]
    status: int
    pointer: str
    headers: dict[str, str] = field(default_factory=dict)


def publish(**more: object) -> Callable[[Material], dict[str, object]]:
    return lambda material: material.wish(**more)


def presign(**more: object) -> Callable[[Material], dict[str, object]]:
    return lambda material: ASSET | {"projectId": material.project} | more


def given(**body: object) -> Callable[[Material], dict[str, object]]:
    return lambda _material: dict(body)


CASES = {
    "zero bytes": Bad("/assets/presign", presign(size=0), 422, "/size"),
    "too many bytes": Bad("/assets/presign", presign(size=1 << 50), 422, "/size"),
    "not a media type": Bad(
        "/assets/presign", presign(contentType="text/html"), 422, "/contentType"
    ),
    "unknown project": Bad(
        "/assets/presign", presign(projectId=NOBODY), 404, "/projectId"
    ),
    "not a hash": Bad("/assets/presign", presign(sha256="abc"), 422, "/sha256"),
    "20 000 characters": Bad("/publish", publish(title=LONG), 422, "/title"),
    "31 characters": Bad("/publish", publish(title="长" * 31), 422, "/title"),
    "an empty title": Bad("/publish", publish(title="  "), 422, "/title"),
    "too many tags": Bad(
        "/publish", publish(tags=[str(n) for n in range(9)]), 422, "/tags"
    ),
    "unknown platform": Bad(
        "/publish",
        lambda material: material.wish() | {"platform": "myspace"},
        422,
        "/platform",
    ),
    "unknown account": Bad("/publish", publish(accountId=NOBODY), 404, "/accountId"),
    "account elsewhere": Bad(
        "/publish",
        lambda material: material.wish(accountId=material.accounts["bilibili"]),
        422,
        "/accountId",
    ),
    "unknown video": Bad("/publish", publish(videoId=NOBODY), 404, "/videoId"),
    "unknown field": Bad("/publish", publish(sheduleAt="x"), 422, "/sheduleAt"),
    "unknown copy": Bad("/publish", publish(copyId=NOBODY), 404, "/copyId"),
    "a copy for elsewhere": Bad(
        "/publish",
        lambda material: material.wish(copyId=material.copies["bilibili"]),
        409,
        "/copyId",
    ),
    "the past": Bad(
        "/publish", publish(scheduleAt="2020-01-01T00:00:00Z"), 422, "/scheduleAt"
    ),
    "no time at all": Bad("/publish", publish(scheduleAt="soon"), 422, "/scheduleAt"),
    "the year 9999": Bad(
        "/publish", publish(scheduleAt="9999-12-31T23:59:59Z"), 422, "/scheduleAt"
    ),
    "local without zone": Bad(
        "/publish", publish(scheduleAt="2030-01-01T00:00:00"), 422, "/timezone"
    ),
    "no such zone": Bad("/publish", publish(timezone="Mars/Base"), 422, "/timezone"),
    "a path as zone": Bad("/publish", publish(timezone="../etc"), 422, "/timezone"),
    "a cover elsewhere": Bad(
        "/publish", publish(coverUrl="https://evil.example/x.jpg"), 422, "/coverUrl"
    ),
    "account of no platform": Bad(
        "/accounts",
        given(platform="myspace", openId="o", credential={"access_token": "x"}),
        422,
        "/platform",
    ),
    "account without id": Bad(
        "/accounts",
        given(platform="douyin", credential={"access_token": "x"}),
        422,
        "/openId",
    ),
    "copy for no platform": Bad(
        "/copies", given(task="copy", platform="x", brief="b"), 422, "/platform"
    ),
    "copy of no project": Bad(
        "/copies", given(task="copy", platform="douyin", brief="b"), 404, "/projectId"
    ),
    "copy of no task": Bad(
        "/copies", given(task="poem", platform="douyin", brief="b"), 422, "/task"
    ),
    "no such asset": Bad(
        "/media/jobs", given(type="transcode", assetId=NOBODY), 404, "/assetId"
    ),
    "no such profile": Bad(
        "/media/jobs",
        given(type="transcode", assetId=NOBODY, profiles=["8k"]),
        422,
        "/profiles/0",
    ),
    "neither asset nor source": Bad(
        "/media/jobs", given(type="transcode"), 422, "/assetId"
    ),
    "another tenant's object": Bad(
        "/media/jobs",
        given(type="transcode", sourceUrl="s3://contentops/other/assets/1/a.mp4"),
        403,
        "/sourceUrl",
    ),
    "a climbing object": Bad(
        "/media/jobs",
        lambda material: {
            "type": "transcode",
            "sourceUrl": f"s3://contentops/{material.tenant.name}/../other/a.mp4",
        },
        403,
        "/sourceUrl",
    ),
    "a private address": Bad(
        "/media/jobs",
        given(type="transcode", sourceUrl="http://169.254.169.254/latest"),
        422,
        "/sourceUrl",
    ),
    "another tenant's name": Bad(
        "/ai/generate",
        given(task="title", input="x", metadata={"tenantId": "somebody"}),
        403,
        "/metadata/tenantId",
    ),
    "too hot": Bad(
        "/ai/generate",
        given(task="title", input="x", params={"temperature": 9}),
        422,
        "/params/temperature",
    ),
    "page of nothing": Bad(
        "/landing-pages", given(publicationId=NOBODY), 404, "/publicationId"
    ),
    "half a surrogate": Bad("/projects", given(name="a\ud800b"), 422, "/name"),
    "a NUL": Bad("/projects", given(name="a\0b"), 422, "/name"),
    "a long name": Bad("/projects", given(name=LONG), 422, "/name"),
    "no name": Bad("/projects", given(), 422, "/name"),
    "a number as name": Bad("/projects", given(name=7), 422, "/name"),
    "an ETag of nobody": Bad(
        "/projects",
        given(name="n"),
        412,
        "/headers/If-Match",
        {"If-Match": '"banana"'},
    ),
    "no ETag at all": Bad(
        "/projects",
        given(name="n"),
        400,
        "/headers/If-Match",
        {"If-Match": "banana"},
    ),
    "an endless key": Bad(
        "/projects",
        given(name="n"),
        422,
        "/headers/Idempotency-Key",
        {"Idempotency-Key": "k" * 300},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_names_the_field_and_the_remedy(
    name: str, material: Material
) -> None:
    bad = CASES[name]
    body = json.dumps(bad.body(material))
    headers = {"Content-Type": "application/json"} | bad.headers

    answer = material.tenant.http.post(bad.path, content=body, headers=headers)

    check(answer, bad.status, bad.pointer)


def check(answer: httpx.Response, status: int, pointer: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert pointer in [each["pointer"] for each in problem["errors"]]
    assert all(each["remedy"] for each in problem["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name": 1e999999}',
        b'{"name": NaN}',
    ],
)
def test_malformed_json_is_a_problem(body: bytes, tenant: Tenant) -> None:
    answer = tenant.http.post(
        "/projects", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_beyond_the_bound_is_413(tenant: Tenant) -> None:
    answer = tenant.http.post("/projects", json={"name": "x" * 300_000})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unfinished_video_is_not_published(material: Material) -> None:
    told = material.tenant.http.post(
        "/media/jobs", json={"type": "transcode", "assetId": material.asset}
    ).json()
    place = material.tenant.http.get(f"/videos/{told['videoId']}")
    assert place.json()["status"] == "processing"

    answer = material.tenant.http.post(
        "/publish", json=material.wish(videoId=told["videoId"])
    )

    check(answer, 409, "/videoId")


def test_an_unapproved_copy_is_not_published(material: Material) -> None:
    copy = material.copy("douyin", approve=False)

    answer = material.tenant.http.post("/publish", json=material.wish(copyId=copy))

    check(answer, 409, "/copyId")


def test_another_tenants_video_is_not_there(material: Material, other: Tenant) -> None:
    answer = other.http.post("/publish", json=material.wish())

    check(answer, 404, "/accountId")


@pytest.mark.parametrize(
    "path",
    [
        "/projects/{project}",
        "/assets/{asset}",
        "/videos/{video}",
        "/accounts/{account}",
        "/copies/{copy}",
    ],
)
def test_another_tenants_id_is_404(
    path: str, material: Material, other: Tenant
) -> None:
    known = path.format(
        project=material.project,
        asset=material.asset,
        video=material.video,
        account=material.accounts["douyin"],
        copy=material.copies["douyin"],
    )

    assert material.tenant.http.get(known).status_code == 200
    assert other.http.get(known).status_code == 404


@pytest.mark.parametrize("key", [NOBODY, "x" * 200, "%00", "a'b", "..%2f..%2fetc"])
def test_an_id_of_nothing_is_404(key: str, tenant: Tenant) -> None:
    for path in ("projects", "assets", "videos", "copies", "tasks", "publications"):
        assert tenant.http.get(f"/{path}/{key}").status_code == 404


def upload(material: Material, body: bytes, **more: object) -> dict[str, object]:
    wish = presign(size=len(body), **more)(material)
    return material.tenant.post("/assets/presign", wish)


def test_completing_before_the_upload_is_409(material: Material) -> None:
    made = upload(material, b"0123456789")

    answer = material.tenant.http.post(f"/assets/{made['id']}/complete", json={})

    check(answer, 409, "")


def test_a_wrong_hash_is_named(material: Material) -> None:
    made = upload(material, b"0123456789")
    put(made, b"0123456789")

    answer = material.tenant.http.post(
        f"/assets/{made['id']}/complete", json={"sha256": "0" * 64}
    )

    check(answer, 422, "/sha256")
    seen = material.tenant.http.get(f"/assets/{made['id']}").json()
    assert seen["status"] == "presigned"


def put(made: dict[str, object], body: bytes) -> int:
    signed = made["upload"]
    assert isinstance(signed, dict)
    sent = httpx.put(signed["url"], content=body, headers=signed["headers"])
    return sent.status_code


def test_the_store_refuses_a_body_with_another_hash(material: Material) -> None:
    expected = hashlib.sha256(b"0123456789").hexdigest()
    made = upload(material, b"0123456789", sha256=expected)

    assert put(made, b"9876543210") == 400
    assert put(made, b"0123456789") == 200
    answer = material.tenant.http.post(f"/assets/{made['id']}/complete", json={})
    assert answer.status_code == 202


def test_an_expired_signed_url_is_refused_by_the_store(
    edge: Settings, material: Material
) -> None:
    made = upload(material, b"0123456789")
    assert put(made, b"0123456789") == 200
    key = f"{material.tenant.name}/assets/{made['id']}/a.mp4"
    url = asyncio.run(
        storage(edge).presign_get(key, expires=1, content_type="video/mp4")
    )

    eventually(lambda: httpx.get(url).status_code == 403)

    assert "expired" in httpx.get(url).text.lower()


def test_confirming_what_was_not_handed_over_is_409(material: Material) -> None:
    later = (utc_now() + timedelta(hours=1)).isoformat()
    made = material.tenant.post("/publish", material.wish(scheduleAt=later))

    answer = material.tenant.http.post(
        f"/publications/{made['id']}/confirm", json={"link": "https://example.com/1"}
    )

    assert answer.status_code == 409


# Webhooks


def bili(body: bytes, *, age: timedelta = timedelta(0)) -> dict[str, str]:
    return bilibili.sign(body, BILI, now=utc_now() - age, nonce="n1")


def deliver(
    edge: Settings, platform: str, body: bytes, headers: dict[str, str]
) -> httpx.Response:
    return httpx.post(
        f"{edge.api_url}/webhooks/{platform}", content=body, headers=headers
    )


def delivery(item: str) -> bytes:
    content = {"openid": "o", "resource_id": item, "state": 0}
    return json.dumps({"event": "video_open", "content": content}).encode()


def kept(edge: Settings) -> list[str]:
    """The ids of everything on the inbound topic."""
    consumer = Consumer(
        {"bootstrap.servers": edge.need("kafka"), "group.id": "bad-input"}
    )
    found: list[str] = []
    try:
        known = consumer.list_topics(INBOUND.name).topics[INBOUND.name].partitions
        for number in known:
            place = TopicPartition(INBOUND.name, number)
            low, high = consumer.get_watermark_offsets(place)
            consumer.assign([TopicPartition(INBOUND.name, number, low)])
            for _ in range(high - low):
                message = consumer.poll(10)
                assert message is not None
                found.append(dict(message.headers() or []).get("ce_id", b"").decode())
                assert b"secret" not in (message.value() or b"")
    finally:
        consumer.close()
    return found


def test_a_genuine_delivery_is_kept_and_acknowledged(edge: Settings) -> None:
    body = delivery("secret-item")

    answer = deliver(edge, "bilibili", body, bili(body))

    assert answer.status_code == 200
    assert answer.json() == {"code": 0, "message": "ok"}


def test_a_replayed_delivery_is_acknowledged_and_is_the_same_record(
    edge: Settings,
) -> None:
    body = delivery("replayed-item")
    before = set(kept(edge))

    answers = [deliver(edge, "bilibili", body, bili(body)) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 200]
    assert len(set(kept(edge)) - before) == 1


@pytest.mark.parametrize(
    ("platform", "headers", "pointer"),
    [
        ("bilibili", dict, "/headers/x-bili-accesskeyid"),
        (
            "bilibili",
            lambda: bili(delivery("1"), age=timedelta(minutes=11)),
            "/headers/x-bili-timestamp",
        ),
        ("bilibili", lambda: bili(b"other body"), "/headers/x-bili-content-md5"),
        (
            "bilibili",
            lambda: bili(delivery("1")) | {"authorization": "0" * 64},
            "/headers/authorization",
        ),
        ("douyin", dict, "/headers/x-douyin-signature"),
        (
            "douyin",
            lambda: {"x-douyin-signature": "0" * 40},
            "/headers/x-douyin-signature",
        ),
    ],
)
def test_an_unproven_delivery_is_401_and_not_kept(
    edge: Settings, platform: str, headers: Callable[[], dict[str, str]], pointer: str
) -> None:
    """Signed when the test runs, as signatures are good for ten minutes."""
    before = kept(edge)

    answer = deliver(edge, platform, delivery("1"), headers())

    check(answer, 401, pointer)
    assert kept(edge) == before


def test_a_platform_asks_whether_the_address_is_ours(edge: Settings) -> None:
    body = b'{"event": "verify_webhook", "content": {"challenge": 12345}}'
    signed = douyin.delivery_signature(body, CREDENTIALS["douyin_client_secret"])

    answer = deliver(edge, "douyin", body, {"x-douyin-signature": signed})

    assert (answer.status_code, answer.json()) == (200, {"challenge": 12345})


def test_a_signed_body_nobody_documents_is_422(edge: Settings) -> None:
    answer = deliver(edge, "bilibili", b"not json", bili(b"not json"))

    check(answer, 422, "")


def test_a_webhook_of_no_platform_is_404(edge: Settings) -> None:
    check(deliver(edge, "myspace", b"{}", {}), 404, "/path/platform")


def test_what_nobody_serves_is_a_problem_too(edge: Settings) -> None:
    check(httpx.get(f"{edge.api_url}/api/v1/nothing"), 404, "")
    check(httpx.put(f"{edge.api_url}/api/v1/projects"), 405, "")
    assert httpx.get(f"{edge.api_url}/l/abcdefgh").status_code == 404
