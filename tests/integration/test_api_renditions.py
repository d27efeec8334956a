"""One rendition again over HTTP: what may be asked for, and what it says otherwise."""

from typing import Any

import pytest

from fixtures.fix_api import Material, Tenant, eventually
from schemas.commands.asset import FailRendition, RecordRendition
from schemas.ids import derived
from schemas.jobs import Remade


@pytest.fixture
def video(tenant: Tenant) -> Material:
    return Material(tenant)


def asked(tenant: Tenant, video: str, body: object) -> Any:
    return tenant.http.post(f"/videos/{video}/renditions", json=body)


def row(tenant: Tenant, video: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant.http.get(f"/videos/{video}").json()
    return found


def test_a_wish_is_a_task_and_the_video_plays_all_the_time(
    tenant: Tenant, video: Material
) -> None:
    before = row(tenant, video.video)

    answer = asked(tenant, video.video, {"name": "360p"})

    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["id"], told["status"]) == (video.video, "accepted")
    operation = eventually(lambda: tenant.operation(told["operationId"]))
    assert told["taskId"] == derived("job", operation["eventId"])
    during = eventually(
        lambda: (found := row(tenant, video.video))["renditionJobId"] and found
    )
    assert during["renditionJobId"] == told["taskId"]
    assert (during["status"], during["renditions"]) == ("ready", before["renditions"])

    again = asked(tenant, video.video, {"name": "360p"})
    assert again.status_code == 409
    assert again.json()["errors"][0]["pointer"] == "/path/videoId"
    assert "wait until that task has ended" in again.json()["detail"]

    files = (f"{video.prefix}/video-2.mp4", f"{video.prefix}/master-2.m3u8")
    made = Remade(video.video, "360p", *files, *files, files)
    tenant.tell(RecordRendition(told["taskId"], made), video.asset)
    after = eventually(
        lambda: "video-2.mp4" in (found := row(tenant, video.video))["url"] and found
    )
    assert (after["status"], after["renditions"]) == ("ready", before["renditions"])
    assert after["covers"] == before["covers"]


def test_what_fails_is_told_and_may_be_asked_for_again(
    tenant: Tenant, video: Material
) -> None:
    told = asked(tenant, video.video, {"name": "360p"}).json()

    no = FailRendition(told["taskId"], video.video, "360p", "source_missing", "gone")
    tenant.tell(no, video.asset)

    found = eventually(lambda: (seen := row(tenant, video.video))["problem"] and seen)
    assert (found["status"], found["problem"]["code"]) == ("ready", "source_missing")
    assert asked(tenant, video.video, {"name": "360p"}).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"name": "4k"}, "/name", "send 360p"),
        ({"name": ""}, "/name", ""),
        ({}, "/name", ""),
        ({"name": "360p", "more": 1}, "/more", ""),
    ],
)
def test_a_wish_nobody_can_fulfil_names_the_field(
    tenant: Tenant, video: Material, body: object, pointer: str, words: str
) -> None:
    answer = asked(tenant, video.video, body)

    assert answer.status_code == 422, answer.text
    fault = answer.json()["errors"][0]
    assert fault["pointer"] == pointer
    assert words in fault["detail"]


def test_of_what_is_not_there_or_in_the_trash_nothing_is_made(
    tenant: Tenant, other: Tenant, video: Material
) -> None:
    wish = {"name": "360p"}
    unknown = asked(tenant, "00000000-0000-4000-8000-000000000000", wish)
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (
        404,
        "/path/videoId",
    )
    assert asked(other, video.video, wish).status_code == 404

    tenant.http.delete(f"/assets/{video.asset}", headers={"Prefer": "wait=10"})
    trashed = asked(tenant, video.video, wish)
    assert trashed.status_code == 409
    assert "restore it first" in trashed.json()["detail"]


def test_a_video_that_is_being_made_is_waited_for(tenant: Tenant) -> None:
    material = Material(tenant)
    wish = {"type": "transcode", "assetId": material.asset}
    told = tenant.http.post("/media/jobs", json=wish).json()
    eventually(lambda: tenant.http.get(f"/videos/{told['videoId']}").is_success)

    answer = asked(tenant, told["videoId"], {"name": "360p"})

    assert answer.status_code == 409
    assert "Wait until the video is ready" in answer.json()["detail"]
