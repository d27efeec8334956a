"""The whole business, told by the demo, then asked again from outside."""

import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.fixtures.fix_up import Installation, Told


@pytest.fixture(scope="module")
def api(installation: Installation, told: Told) -> httpx.Client:
    return installation.as_tenant(told.tenant)


def items(api: httpx.Client, path: str) -> list[dict[str, object]]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, object]] = answer.json()["items"]
    return listed


def test_the_material_is_ready_in_two_renditions(api: httpx.Client) -> None:
    (asset,), (video,) = items(api, "/assets"), items(api, "/videos")

    assert asset["status"] == "ready"
    assert video["status"] == "ready"
    assert [each["name"] for each in video["renditions"]] == ["720p", "480p"]


def test_each_rendition_can_be_fetched_and_played(api: httpx.Client) -> None:
    (video,) = items(api, "/videos")
    master = httpx.get(str(video["hlsUrl"]), follow_redirects=True)

    assert master.status_code == 200
    assert master.text.startswith("#EXTM3U")
    assert master.text.count("#EXT-X-STREAM-INF") == 2
    assert httpx.get(str(video["coverUrl"])).content.startswith(b"\xff\xd8")
    assert httpx.get(str(video["watchUrl"])).status_code == 200


def test_its_cover_has_the_shapes_that_destinations_take(api: httpx.Client) -> None:
    (video,) = items(api, "/videos")
    found = until(lambda: api.get(f"/videos/{video['id']}").json()["pictures"])

    assert {name for each in found for name in each["profiles"]} >= {
        "bilibili",
        "douyin",
        "youtube",
    }
    with Image.open(BytesIO(httpx.get(found[0]["url"]).content)) as cover:
        assert cover.size == (found[0]["width"], found[0]["height"])


def test_a_picture_to_order_is_made_by_the_worker(api: httpx.Client) -> None:
    (video,) = items(api, "/videos")
    wish = {
        "videoId": video["id"],
        "aspect": "3:4",
        "formats": ["avif"],
        "maxBytes": 20_000,
        "text": {"text": "夜骑去看海"},
    }
    told = api.post("/media/images", json=wish)
    assert told.status_code == 202, told.text
    (made,) = ready(api, told.json()["id"])["pictures"]

    body = httpx.get(made["url"])
    assert body.headers["content-type"] == "image/avif"
    assert len(body.content) == made["size"] <= 20_000
    assert made["width"] * 4 == pytest.approx(made["height"] * 3, abs=4)


def test_frames_of_moments_are_made_by_the_worker(api: httpx.Client) -> None:
    (video,) = items(api, "/videos")
    wish = {"at": [0, 1.5], "formats": ["png"]}
    told = api.post(f"/videos/{video['id']}/frames", json=wish)
    assert told.status_code == 202, told.text

    assert [each["at"] for each in ready(api, told.json()["id"])["pictures"]] == [
        0,
        1.5,
    ]


def ready(api: httpx.Client, images: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = api.get(f"/images/{images}").json()
        assert found.get("status") != "failed", found
        return found if found.get("status") == "ready" else None

    found: dict[str, Any] = until(look)
    return found


def until(look: Callable[[], Any], limit_s: float = 60.0) -> Any:
    end = time.monotonic() + limit_s
    while not (found := look()) and time.monotonic() < end:
        threading.Event().wait(0.1)
    assert found, "nothing came"
    return found


def test_both_publications_are_public_on_approved_words(api: httpx.Client) -> None:
    found = {str(each["platform"]): each for each in items(api, "/publications")}
    copies = {str(each["platform"]): each for each in items(api, "/copies")}

    assert set(found) == {"bilibili", "douyin"}
    for platform, publication in found.items():
        assert publication["status"] == "published"
        assert publication["link"]
        assert copies[platform]["status"] == "approved"
        assert publication["text"] == copies[platform]["text"]


def test_each_platform_was_given_it_exactly_once(
    installation: Installation, api: httpx.Client
) -> None:
    for account in items(api, "/accounts"):
        accepted = [
            each
            for each in installation.submissions(str(account["platform"]))
            if each["openId"] == account["openId"]
        ]
        assert len(accepted) == 1, account["platform"]


def test_the_lead_is_there_as_text(api: httpx.Client) -> None:
    (lead,) = items(api, "/leads")

    assert lead["status"] == "new"
    assert "林晓 <b>夜骑</b>" in str(lead["contact"])


def test_the_lead_leads_back_to_the_upload(told: Told) -> None:
    chain = told.text.split("Why this lead?")[1].split("Calendar")[0]
    steps = ("asset.uploaded", "asset.transcoded", "copy.generated", "copy.approved")

    for step in (*steps, "publication.published", "page.created", "lead.captured"):
        assert step in chain, step


def test_the_numbers_are_those_of_the_story(api: httpx.Client) -> None:
    rows = {str(row["platform"]): row for row in items(api, "/analytics/overview")}

    assert rows["douyin"]["views"] == 640
    assert int(str(rows["bilibili"]["views"])) > 0
    assert rows["bilibili"]["leads"] == 1
    assert rows["bilibili"]["mediaSeconds"]


def test_the_calendar_keeps_the_wish_in_local_time(api: httpx.Client) -> None:
    planned = {str(each["platform"]): each for each in items(api, "/calendar")}

    assert planned["douyin"]["timezone"] == "Asia/Shanghai"


def test_another_tenant_sees_nothing_of_it(installation: Installation) -> None:
    other = installation.as_tenant("somebody-else")

    for path in ("/assets", "/videos", "/copies", "/publications", "/leads"):
        assert items(other, path) == [], path


def test_a_clip_that_is_none_ends_the_demo_with_one_sentence(
    installation: Installation, tmp_path: Path
) -> None:
    clip = tmp_path / "notes.mp4"
    clip.write_bytes(b"these are notes, not a film")

    found = installation.demo(clip)

    assert found.code == 1
    assert "refused" in found.text
    assert "Traceback" not in found.text
