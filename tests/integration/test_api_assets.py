"""Assets over HTTP: cut uploads, versions, tags, the trash, and what holds an asset."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fixtures.fix_api import Material, Tenant, eventually
from infra import quota
from media_agents.storage import MULTIPART_ABOVE
from schemas.commands.asset import (
    AbandonUpload,
    PurgeAsset,
    RecordProbe,
    RecordTranscode,
)
from schemas.jobs import Cover, MediaFacts, Transcoded

FACTS = MediaFacts(2000, 640, 360, 30.0, "h264", bit_rate=800_000)
BIG = MULTIPART_ABOVE + 1


@pytest.fixture
def project(tenant: Tenant) -> str:
    return str(tenant.post("/projects", {"name": "秋季上新"})["id"])


def announced(
    tenant: Tenant, project: str, size: int, name: str = "clip.mp4", **more: str
) -> dict[str, Any]:
    wish = {
        "filename": name,
        "contentType": "video/mp4",
        "size": size,
        "projectId": project,
    }
    return tenant.post("/assets/presign", {**wish, **more})


def put(upload: dict[str, Any], body: bytes) -> None:
    sent = httpx.put(upload["url"], content=body, headers=upload["headers"])
    assert sent.status_code == 200, sent.text


def put_part(upload: dict[str, Any], number: int, body: bytes) -> None:
    (url,) = [each["url"] for each in upload["parts"] if each["number"] == number]
    size = upload["partSize"]
    sent = httpx.put(url, content=body[(number - 1) * size : number * size])
    assert sent.status_code == 200, sent.text


def uploaded(tenant: Tenant, project: str, body: bytes, name: str = "clip.mp4") -> str:
    made = announced(tenant, project, len(body), name)
    put(made["upload"], body)
    tenant.post(f"/assets/{made['id']}/complete", {})
    return str(made["id"])


def usable(tenant: Tenant, asset: str, number: int = 1) -> None:
    tenant.tell(RecordProbe(f"job {number}", FACTS, number), asset)
    eventually(lambda: read(tenant, asset)["status"] == "ready")


def read(tenant: Tenant, asset: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant.http.get(f"/assets/{asset}").json()
    return found


def listed(tenant: Tenant, **only: str) -> list[str]:
    answer = tenant.http.get("/assets", params=only)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def test_a_cut_upload_goes_on_where_it_ended(tenant: Tenant, project: str) -> None:
    body = (bytes(range(256)) * (BIG // 256 + 1))[:BIG]
    made = announced(tenant, project, BIG)
    asset, upload = made["id"], made["upload"]
    assert [each["number"] for each in upload["parts"]] == [1, 2, 3, 4, 5]
    put_part(upload, 1, body)
    # Cut in its middle: it must be sent again.
    put_part(upload, 2, body[: upload["partSize"] + 1000])
    early = tenant.http.post(f"/assets/{asset}/complete", json={})

    assert early.status_code == 409
    assert "bytes are missing" in early.json()["detail"]

    rest = tenant.http.get(f"/assets/{asset}/upload").json()
    assert rest["sent"] == [1]
    assert [each["number"] for each in rest["parts"]] == [2, 3, 4, 5]
    first = hashlib.md5(body[: upload["partSize"]], usedforsecurity=False)
    assert rest["etags"] == [first.hexdigest()]
    torn = tenant.http.get(f"/assets/{asset}/upload", params={"again": 1}).json()
    assert (torn["sent"], torn["etags"]) == ([], [])
    assert [each["number"] for each in torn["parts"]] == [1, 2, 3, 4, 5]
    wrong = tenant.http.get(f"/assets/{asset}/upload", params={"again": 0})
    assert wrong.status_code == 422
    for number in (2, 3, 4, 5):
        put_part(rest, number, body)
    done = tenant.post(f"/assets/{asset}/complete", {})

    assert done["status"] == "uploaded"
    assert done["sha256"] == hashlib.sha256(body).hexdigest()
    assert tenant.http.get(f"/assets/{asset}/upload").status_code == 409


def test_the_same_file_points_at_the_other_one(
    tenant: Tenant, other: Tenant, project: str
) -> None:
    body = uuid4().bytes
    first = uploaded(tenant, project, body)
    eventually(lambda: read(tenant, first)["sha256"])
    second = uploaded(tenant, project, body, "again.mp4")
    theirs = str(other.post("/projects", {"name": "theirs"})["id"])

    assert read(tenant, second)["duplicateOf"] == first
    assert read(other, uploaded(other, theirs, body))["duplicateOf"] == ""


def test_a_later_version_counts_once_it_is_usable(tenant: Tenant, project: str) -> None:
    asset = uploaded(tenant, project, b"first body")
    usable(tenant, asset)
    wish = {"filename": "b.mp4", "contentType": "video/mp4", "size": 11}
    upload = tenant.post(f"/assets/{asset}/versions", wish)["upload"]
    put(upload, b"second body")
    tenant.post(f"/assets/{asset}/complete", {})
    assert read(tenant, asset)["filename"] == "clip.mp4"
    usable(tenant, asset, 2)
    eventually(lambda: read(tenant, asset)["number"] == 2)
    assert httpx.get(read(tenant, asset)["url"]).content == b"second body"

    tenant.post(f"/assets/{asset}/versions/1/choose", {})
    versions = tenant.http.get(f"/assets/{asset}/versions").json()["items"]

    assert [(each["number"], each["counts"]) for each in versions] == [
        (2, False),
        (1, True),
    ]
    assert httpx.get(read(tenant, asset)["url"]).content == b"first body"
    refused = tenant.http.post(f"/assets/{asset}/versions/3/choose")
    assert refused.status_code == 404


def test_assets_are_found_by_what_was_said_of_them(
    tenant: Tenant, project: str
) -> None:
    asset = uploaded(tenant, project, b"night ride")
    plain = uploaded(tenant, project, b"something else", "other.mp4")
    said = {
        "title": "夜骑灯 实拍",
        "tags": ["#夜骑", "city", "city"],
        "topics": ["灯光"],
        "folder": "raw/2026/",
    }
    answer = tenant.http.put(
        f"/assets/{asset}/description", json=said, headers={"Prefer": "wait=10"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["tags"] == ["夜骑", "city"]

    for only in (
        {"tag": "夜骑"},
        {"topic": "灯光"},
        {"folder": "raw"},
        {"folder": "raw/2026"},
    ):
        assert listed(tenant, **only) == [asset]
    assert listed(tenant, folder="ra") == []
    assert set(listed(tenant, type="video", projectId=project)) == {asset, plain}
    found = tenant.http.get("/search", params={"q": "夜骑", "tag": "city"}).json()
    assert [each["id"] for each in found["items"]] == [asset]
    by_name = tenant.http.get("/search", params={"q": "clip", "kind": "asset"}).json()
    assert asset in [each["id"] for each in by_name["items"]]


def test_the_trash_hides_and_gives_back(tenant: Tenant, project: str) -> None:
    asset = uploaded(tenant, project, b"not needed any more")
    gone = tenant.http.delete(f"/assets/{asset}", headers={"Prefer": "wait=10"})
    assert gone.status_code == 200, gone.text
    assert gone.json()["trashed"] is True
    assert listed(tenant) == []
    assert listed(tenant, trashed="true") == [asset]
    said = tenant.http.put(f"/assets/{asset}/description", json={"title": "x"})
    assert said.status_code == 409

    back = tenant.http.post(f"/assets/{asset}/restore", headers={"Prefer": "wait=10"})

    assert back.json()["trashed"] is False
    assert listed(tenant) == [asset]


def test_what_was_deleted_for_good_is_not_there(tenant: Tenant, project: str) -> None:
    asset = uploaded(tenant, project, b"a secret that must go")
    gone = tenant.http.delete(
        f"/assets/{asset}", params={"keepDays": "0"}, headers={"Prefer": "wait=10"}
    ).json()
    early = PurgeAsset(at=gone["createdAt"])
    tenant.tell(early, asset)
    assert read(tenant, asset)["trashed"] is True
    tenant.tell(PurgeAsset(at=datetime.fromisoformat(gone["purgeAt"])), asset)

    eventually(lambda: tenant.http.get(f"/assets/{asset}").status_code == 404)
    assert listed(tenant, trashed="true") == []
    late = tenant.http.post(f"/assets/{asset}/restore")
    assert late.status_code == 404


def test_what_is_about_to_be_published_stays(material: Material) -> None:
    tenant = material.tenant
    plan = tenant.post("/publish", material.wish(title="held"))
    used = tenant.http.get(f"/assets/{material.asset}/usage").json()
    refused = tenant.http.delete(f"/assets/{material.asset}")

    assert plan["id"] in [each["id"] for each in used["items"]]
    assert {each["kind"] for each in used["items"]} >= {"video", "copy", "publication"}
    assert refused.status_code == 409
    assert "not finished" in refused.json()["detail"]


def test_another_tenant_sees_none_of_it(
    tenant: Tenant, other: Tenant, project: str
) -> None:
    asset = uploaded(tenant, project, b"mine alone")

    for path in ("", "/versions", "/usage", "/upload"):
        assert other.http.get(f"/assets/{asset}{path}").status_code == 404
    assert other.http.delete(f"/assets/{asset}").status_code == 404


def test_a_quota_is_kept_by_size_and_by_number(tenant: Tenant, project: str) -> None:
    quota.limit(tenant.settings, tenant.name, 100, 2)
    wish = {
        "filename": "big.mp4",
        "contentType": "video/mp4",
        "size": 101,
        "projectId": project,
    }
    refused = tenant.http.post("/assets/presign", json=wish)
    assert refused.status_code == 403
    assert refused.json()["type"].endswith(":quota_exceeded")
    assert refused.json()["errors"][0]["pointer"] == "/size"

    uploaded(tenant, project, b"x" * 60)
    asset = uploaded(tenant, project, b"y" * 40)
    third = tenant.http.post("/assets/presign", json={**wish, "size": 1})
    assert third.status_code == 403
    fetched = {"sourceUrl": "https://example.org/a.mp4", "projectId": project}
    assert tenant.http.post("/assets/import", json=fetched).status_code == 403
    told = tenant.http.get("/quota").json()
    assert told == {
        "bytes": {"used": 100, "limit": 100},
        "files": {"used": 2, "limit": 2},
    }

    gone = tenant.http.delete(
        f"/assets/{asset}", params={"keepDays": "0"}, headers={"Prefer": "wait=10"}
    ).json()
    tenant.tell(PurgeAsset(at=datetime.fromisoformat(gone["purgeAt"])), asset)
    eventually(lambda: tenant.http.get("/quota").json()["bytes"]["used"] == 60)
    assert announced(tenant, project, 40)["id"]


def test_an_import_is_an_asset_at_once(tenant: Tenant, project: str) -> None:
    wish = {"sourceUrl": "https://example.org/clips/a.mp4", "projectId": project}
    made = tenant.post("/assets/import", wish)

    assert (made["status"], made["filename"]) == ("importing", "a.mp4")
    for source in ("http://127.0.0.1/a.mp4", "file:///etc/passwd", "s3://b/else/a"):
        answer = tenant.http.post("/assets/import", json={**wish, "sourceUrl": source})
        assert answer.status_code in (403, 422), source
        assert answer.json()["errors"][0]["pointer"] == "/sourceUrl"


def test_another_picture_can_stand_for_a_video(tenant: Tenant, project: str) -> None:
    asset = uploaded(tenant, project, b"a film")
    told = tenant.http.post("/media/jobs", json={"type": "transcode", "assetId": asset})
    video = told.json()["videoId"]
    prefix = f"{tenant.name}/videos/{video}"
    covers = tuple(Cover(f"{prefix}/cover-{n}.jpg", 2.0 * n, 9.0 - n) for n in range(2))
    made = Transcoded(
        video_id=video,
        mp4_key=f"{prefix}/video.mp4",
        hls_key=f"{prefix}/master.m3u8",
        cover_key=covers[0].key,
        facts=FACTS,
        renditions=(),
        source_seconds=2.0,
        covers=covers,
        thumbnails_key=f"{prefix}/thumbnails-0a.vtt",
    )
    tenant.tell(RecordTranscode(job_id="job", result=made), asset)
    before = eventually(lambda: ready(tenant, video))
    assert [each["at"] for each in before["covers"]] == [0.0, 2.0]
    assert "cover-0.jpg" in before["coverUrl"]
    assert before["thumbnailsUrl"].endswith("/thumbnails-0a.vtt")

    chosen = tenant.http.put(
        f"/videos/{video}/cover", json={"cover": 1}, headers={"Prefer": "wait=10"}
    )
    assert chosen.status_code == 200, chosen.text

    assert "cover-1.jpg" in tenant.http.get(f"/videos/{video}").json()["coverUrl"]
    refused = tenant.http.put(f"/videos/{video}/cover", json={"cover": 2})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/cover"


def ready(tenant: Tenant, video: str) -> dict[str, Any] | None:
    found: dict[str, Any] = tenant.http.get(f"/videos/{video}").json()
    return found if found.get("status") == "ready" else None


def test_a_destination_stands_alone(tenant: Tenant, project: str) -> None:
    asset = uploaded(tenant, project, b"another film")
    wish = {"type": "transcode", "assetId": asset}
    for profiles, place in ((["720p", "douyin"], 1), (["betamax"], 0)):
        answer = tenant.http.post("/media/jobs", json={**wish, "profiles": profiles})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/profiles/{place}"
        assert "douyin" in answer.json()["errors"][0]["remedy"]
    told = tenant.http.post("/media/jobs", json={**wish, "profiles": ["douyin"]})
    assert told.status_code in {201, 202}


def test_an_upload_that_was_not_sent_in_time_says_so_and_its_place_is_free(
    tenant: Tenant, project: str
) -> None:
    body = (bytes(range(256)) * (BIG // 256 + 1))[:BIG]
    before = tenant.http.get("/quota").json()["files"]["used"]
    made = announced(tenant, project, BIG)
    put_part(made["upload"], 1, body)
    assert tenant.http.get("/quota").json()["files"]["used"] == before + 1
    tenant.tell(AbandonUpload(datetime.now(UTC)), made["id"])
    assert read(tenant, made["id"])["status"] == "presigned"

    tenant.tell(AbandonUpload(datetime.now(UTC) + timedelta(days=2)), made["id"])
    eventually(lambda: read(tenant, made["id"])["status"] == "abandoned")

    assert read(tenant, made["id"])["problem"]["code"] == "upload_abandoned"
    assert made["id"] in listed(tenant, status="abandoned")
    assert tenant.http.get("/quota").json()["files"]["used"] == before
    for answer in (
        tenant.http.get(f"/assets/{made['id']}/upload"),
        tenant.http.post(f"/assets/{made['id']}/complete", json={}),
    ):
        assert answer.status_code == 409
        assert "given up" in answer.json()["detail"]


def test_a_file_is_served_as_what_was_found_in_it(tenant: Tenant, project: str) -> None:
    """A page that calls itself a film is saved as bytes, before and after a look."""
    asset = uploaded(tenant, project, b"<html><script>alert(1)</script>", "a.html")
    before = httpx.get(read(tenant, asset)["url"])
    assert before.headers["content-type"] == "application/octet-stream"
    assert "a.html" in before.headers["content-disposition"]
    film = MediaFacts(2000, 640, 360, 30.0, "h264", container="mov")
    tenant.tell(RecordProbe("job", film), asset)
    eventually(lambda: read(tenant, asset)["status"] == "ready")

    found = read(tenant, asset)
    after = httpx.get(found["url"])
    assert found["contentType"] == after.headers["content-type"] == "video/quicktime"
    assert "content-disposition" not in after.headers
    (version,) = tenant.http.get(f"/assets/{asset}/versions").json()["items"]
    assert httpx.get(version["url"]).headers["content-type"] == "video/quicktime"


def test_no_answer_is_taken_for_what_it_does_not_say(tenant: Tenant) -> None:
    base = tenant.settings.api_url
    for path in ("/healthz", "/docs", "/api/v1/assets", "/nowhere", "/static/page.css"):
        answer = httpx.get(f"{base}{path}", trust_env=False)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], path


def test_a_list_of_assets_has_pictures(tenant: Tenant, project: str) -> None:
    film = uploaded(tenant, project, b"a film")
    picture = uploaded(tenant, project, b"a picture", "a.png")
    usable(tenant, film)
    tenant.tell(
        RecordProbe(
            "job", MediaFacts(0, 9, 9, 0, "png", container="png", kind="image")
        ),
        picture,
    )
    # Nobody makes jobs here, so there is no task to wait for.
    wish = {"type": "transcode", "assetId": film}
    made = tenant.http.post("/media/jobs", json=wish).json()
    cover = f"{tenant.name}/videos/{made['videoId']}/cover-0a1b.jpg"
    done = Transcoded(made["videoId"], "m", "h", cover, FACTS, (), 1.0)
    tenant.tell(RecordTranscode("job", done), film)

    def pictured() -> dict[str, str]:
        found = tenant.http.get("/assets").json()["items"]
        return {it["id"]: it["thumbnailUrl"] for it in found if it["thumbnailUrl"]}

    eventually(lambda: {film, picture} <= pictured().keys())
    assert "cover-0a1b.jpg" in pictured()[film]
    shown = httpx.get(pictured()[picture])
    assert (shown.content, shown.headers["content-type"]) == (b"a picture", "image/png")
    assert picture in listed(tenant, type="image")
    assert picture not in listed(tenant, type="video")


def test_what_is_made_of_an_import_cannot_be_public_at_once(
    tenant: Tenant, project: str
) -> None:
    wish = {
        "type": "transcode",
        "sourceUrl": "https://example.org/a.mp4",
        "projectId": project,
        "public": True,
    }
    refused = tenant.http.post("/media/jobs", json=wish)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/public"


def test_a_project_has_a_quota_of_its_own(tenant: Tenant, project: str) -> None:
    other = str(tenant.post("/projects", {"name": "the other one"})["id"])
    path = f"/projects/{project}/quota"
    said = tenant.http.put(path, json={"bytes": 50}, headers={"Prefer": "wait=10"})
    assert said.status_code == 200, said.text
    uploaded(tenant, project, b"x" * 40)

    wish = {"filename": "a.mp4", "contentType": "video/mp4", "size": 11}
    refused = tenant.http.post("/assets/presign", json={**wish, "projectId": project})
    assert refused.status_code == 403
    assert "quota of the project: 10 bytes" in refused.json()["detail"]
    assert announced(tenant, other, 11)["id"]
    told = tenant.http.get("/quota", params={"projectId": project}).json()
    assert told["bytes"] == {"used": 40, "limit": 50}
    assert told["files"] == {"used": 1, "limit": None}
    for bad in ({"bytes": -1}, {"files": "x"}):
        assert tenant.http.put(path, json=bad).status_code == 422
    nowhere = tenant.http.put("/projects/none/quota", json={"bytes": 1})
    assert nowhere.status_code == 404


class Cut(Exception):
    """The line went dead."""


def test_a_part_whose_line_went_dead_is_no_part_of_an_asset(
    tenant: Tenant, project: str
) -> None:
    """The embedded store takes it for whole, filled up with nothing."""
    body = (bytes(range(256)) * (BIG // 256 + 1))[:BIG]

    def half(size: int) -> Iterator[bytes]:
        yield body[: size // 2]
        raise Cut

    kept, lost = (announced(tenant, project, BIG) for _ in range(2))
    for made in (kept, lost):
        upload = made["upload"]
        size = upload["partSize"]
        for number in (1, 3, 4, 5):
            put_part(upload, number, body)
        length = {"Content-Length": str(size)}
        with pytest.raises(Cut):
            httpx.put(upload["parts"][1]["url"], content=half(size), headers=length)
    path = f"/assets/{kept['id']}/upload"
    rest = tenant.http.get(path, params={"again": 2}).json()
    assert [each["number"] for each in rest["parts"]] == [2]
    put_part(rest, 2, body)
    done = tenant.post(f"/assets/{kept['id']}/complete", {})
    assert done["sha256"] == hashlib.sha256(body).hexdigest()

    torn = tenant.http.post(f"/assets/{lost['id']}/complete", json={})
    assert torn.status_code == 409
    assert torn.json()["errors"][0]["pointer"] == "/parts"
