"""Pictures over HTTP: asked for, made by the worker's own step, shown, and refused."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from fixtures.fix_api import Tenant, eventually
from infra.settings import Settings
from infra.wiring import storage
from media_agents.agent import Studio
from media_agents.engines.ffmpeg import find_engine
from schemas.clock import utc_now
from schemas.commands.asset import (
    FailImages,
    RecordImages,
    RecordProbe,
    RecordTranscode,
)
from schemas.jobs import Cover, MediaFacts, Transcoded
from schemas.pictures import Imaged, ImagesInput
from streams import reactor
from streams.agents.work import Job
from streams.reactions.registry import REACTIONS

MakePicture = Callable[[str], Path]
STILL = MediaFacts(0, 640, 480, 0.0, "jpeg", kind="image")
FILM = MediaFacts(2000, 640, 360, 30.0, "h264", bit_rate=800_000)


@pytest.fixture(scope="module", autouse=True)
def reacting(edge: Settings) -> Iterator[None]:
    """Events become jobs; the test is the worker that does them."""
    stop, dsn = threading.Event(), edge.dsn("worker")
    thread = threading.Thread(
        target=reactor.run, args=(edge.need("kafka"), dsn, REACTIONS, utc_now, stop)
    )
    thread.start()
    yield
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def uploaded(tenant: Tenant, path: Path, kind: str = "image/jpeg") -> str:
    """A picture that was found usable."""
    body, project = path.read_bytes(), tenant.post("/projects", {"name": "p"})["id"]
    wish = {
        "filename": path.name,
        "contentType": kind,
        "size": len(body),
        "projectId": project,
    }
    made = tenant.post("/assets/presign", wish)
    upload = made["upload"]
    sent = httpx.put(upload["url"], content=body, headers=upload["headers"])
    assert sent.status_code == 200, sent.text
    asset = str(made["id"])
    tenant.post(f"/assets/{asset}/complete", {})
    tenant.tell(RecordProbe("j", STILL if kind == "image/jpeg" else FILM), asset)
    eventually(lambda: tenant.http.get(f"/assets/{asset}").json()["status"] == "ready")
    return asset


def film(tenant: Tenant, path: Path) -> tuple[str, str]:
    """An asset with a ready video whose cover lies in the store."""
    asset = uploaded(tenant, path, "video/mp4")
    told = tenant.http.post("/media/jobs", json={"type": "transcode", "assetId": asset})
    video = str(told.json()["videoId"])
    prefix = f"{tenant.name}/videos/{video}"
    cover = f"{prefix}/cover.jpg"
    asyncio.run(storage(tenant.settings).upload(path, cover, "image/jpeg"))
    made = Transcoded(
        video_id=video,
        mp4_key=f"{prefix}/video.mp4",
        hls_key="",
        cover_key=cover,
        facts=FILM,
        renditions=(),
        source_seconds=2.0,
        covers=(Cover(cover, 0.0),),
    )
    tenant.tell(RecordTranscode("j", made), asset)
    eventually(lambda: tenant.http.get(f"/videos/{video}").json()["status"] == "ready")
    return asset, video


def task(tenant: Tenant, task_id: str) -> ImagesInput:
    def look() -> dict[str, Any] | None:
        answer = tenant.http.get(f"/tasks/{task_id}")
        return answer.json() if answer.status_code == 200 else None

    found = eventually(look)
    assert found["kind"] == "images"
    return msgspec.convert(found["input"], ImagesInput)


def work(tenant: Tenant, wanted: ImagesInput, folder: Path) -> Imaged:
    """What the worker would have done with this job."""
    job = Job(id="j", tenant=tenant.name, subject="asset/1", input=wanted, token="t")
    studio = Studio(storage(tenant.settings), find_engine(None), folder)
    done = asyncio.run(studio.images(job, lambda *_: None))
    assert isinstance(done, Imaged)
    return done


def shown(tenant: Tenant, images: str, status: str = "ready") -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = tenant.http.get(f"/images/{images}").json()
        return found if found.get("status") == status else None

    found = eventually(look)
    assert isinstance(found, dict)
    return found


def opened(url: str) -> Image.Image:
    answer = httpx.get(url)
    assert answer.status_code == 200, answer.text
    return Image.open(BytesIO(answer.content))


def refusal(tenant: Tenant, path: str, body: object) -> tuple[int, str]:
    answer = tenant.http.post(path, json=body)
    faults = answer.json().get("errors") or [{"pointer": "", "remedy": "-"}]
    assert faults[0]["remedy"], answer.text
    return answer.status_code, faults[0]["pointer"]


def test_pictures_of_a_picture(
    tenant: Tenant, other: Tenant, picture: MakePicture, tmp_path: Path
) -> None:
    asset = uploaded(tenant, picture("turned.jpg"))
    wish = {
        "assetId": asset,
        "aspect": "3:4",
        "width": 300,
        "formats": ["webp", "jpeg"],
        "maxBytes": 30_000,
        "focus": {"x": 0.5, "y": 0},
        "text": {"text": "夜骑去看海", "place": "top", "background": "#00000080"},
    }
    made = tenant.post("/media/images", wish)
    images = made["id"]
    assert made["status"] == "processing"
    assert made["assetId"] == asset

    row = tenant.http.get(f"/assets/{asset}").json()
    key = f"{tenant.name}/assets/{asset}"
    wanted = task(tenant, made["jobId"])
    assert wanted.object_key.startswith(key)
    assert wanted.sha256 == row["sha256"]
    done = work(tenant, wanted, tmp_path)
    tenant.tell(RecordImages("j", done), asset)

    found = shown(tenant, images)
    assert [each["contentType"] for each in found["pictures"]] == [
        "image/webp",
        "image/jpeg",
    ]
    for each in found["pictures"]:
        with opened(each["url"]) as seen:
            assert seen.size == (each["width"], each["height"]) == (300, 400)
        assert each["size"] <= 30_000
    assert work(tenant, wanted, tmp_path) == done
    assert other.http.get(f"/images/{images}").status_code == 404
    (listed,) = tenant.http.get("/images", params={"assetId": asset}).json()["items"]
    assert listed["id"] == images


def test_a_picture_of_a_video_for_a_destination(
    tenant: Tenant, picture: MakePicture, tmp_path: Path
) -> None:
    asset, video = film(tenant, picture("large.jpg"))
    made = tenant.post("/media/images", {"videoId": video, "profile": "bilibili"})
    done = work(tenant, task(tenant, made["jobId"]), tmp_path)
    tenant.tell(RecordImages("j", done), asset)

    found = shown(tenant, made["id"])
    assert found["videoId"] == video
    sides = [(each["width"], each["height"]) for each in found["pictures"]]
    assert sides == [(1280, 800), (1280, 960)]
    assert all(each["profiles"] == ["bilibili"] for each in found["pictures"])


def test_a_cover_of_ones_own_in_every_shape(
    tenant: Tenant, picture: MakePicture, tmp_path: Path
) -> None:
    _, video = film(tenant, picture("large.jpg"))
    own = uploaded(tenant, picture("turned.jpg"))
    before = tenant.http.get(f"/videos/{video}").json()["coverUrl"]
    put = tenant.http.put(f"/videos/{video}/cover", json={"assetId": own})
    assert put.status_code == 202, put.text
    assert (
        tenant.http.get(f"/videos/{video}").json()["coverUrl"].split("?")[0]
        == (before.split("?")[0])
    )

    told = put.json()
    done = work(tenant, task(tenant, told["taskId"]), tmp_path)
    tenant.tell(RecordImages("j", done), told["assetId"])
    shown(tenant, told["id"])

    found = eventually(lambda: chosen(tenant, video, "picture-0-0"))
    with opened(found["coverUrl"]) as cover:
        assert cover.size == (480, 640)
        assert cover.format == "JPEG"
    made_for = {name for each in found["pictures"] for name in each["profiles"]}
    assert made_for >= {"bilibili", "douyin", "xiaohongshu", "youtube"}
    kinds = {each["contentType"] for each in found["pictures"]}
    assert kinds == {"image/jpeg", "image/webp", "image/avif"}

    back = tenant.http.put(
        f"/videos/{video}/cover", json={"cover": 0}, headers={"Prefer": "wait=10"}
    )
    assert back.status_code == 200, back.text
    assert chosen(tenant, video, "cover.jpg")


def chosen(tenant: Tenant, video: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] = tenant.http.get(f"/videos/{video}").json()
    return found if name in found["coverUrl"] else None


def test_covers_are_made_of_a_finished_video_unasked(
    tenant: Tenant, picture: MakePicture, tmp_path: Path
) -> None:
    asset, video = film(tenant, picture("large.jpg"))
    wanted = eventually(lambda: unasked(tenant, video))
    tenant.tell(RecordImages("j", work(tenant, wanted, tmp_path)), asset)

    found = eventually(lambda: tenant.http.get(f"/videos/{video}").json()["pictures"])

    assert len(found) == 21
    youtube = [each for each in found if "youtube" in each["profiles"]]
    assert [(each["width"], each["height"]) for each in youtube] == [(1280, 720)] * 3
    (listed,) = tenant.http.get("/videos").json()["items"]
    assert all(each["url"] is None for each in listed["pictures"])


def unasked(tenant: Tenant, video: str) -> ImagesInput | None:
    found = tenant.http.get("/tasks", params={"kind": "images"}).json()["items"]
    inputs = [msgspec.convert(each["input"], ImagesInput) for each in found]
    return next((each for each in inputs if each.video_id == video), None)


def test_a_set_that_failed_says_why(tenant: Tenant, picture: MakePicture) -> None:
    asset = uploaded(tenant, picture("plain.jpg"))
    made = tenant.post("/media/images", {"assetId": asset, "maxBytes": 1000})
    tenant.tell(FailImages("j", made["id"], "too_many_bytes", "no room"), asset)

    assert shown(tenant, made["id"], "failed")["problem"]["code"] == "too_many_bytes"


def test_what_is_wrong_is_named(
    tenant: Tenant, other: Tenant, picture: MakePicture
) -> None:
    asset = uploaded(tenant, picture("plain.jpg"))
    clip, video = film(tenant, picture("plain.jpg"))
    wish, place = {"assetId": asset}, "/media/images"
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({}, 422, "/assetId"),
        ({"assetId": asset, "videoId": video}, 422, "/assetId"),
        ({"assetId": "nobody"}, 404, "/assetId"),
        ({"videoId": "nobody"}, 404, "/videoId"),
        ({"assetId": clip}, 422, "/assetId"),
        ({**wish, "profile": "betamax"}, 422, "/profile"),
        ({**wish, "profile": "bilibili", "aspect": "1:1"}, 422, "/aspect"),
        ({**wish, "profile": "bilibili", "width": 640}, 422, "/width"),
        ({**wish, "profile": "bilibili", "formats": ["avif"]}, 422, "/formats/0"),
        ({**wish, "aspect": "0:3"}, 422, "/aspect"),
        ({**wish, "aspect": "1:11"}, 422, "/aspect"),
        ({**wish, "aspect": "square"}, 422, "/aspect"),
        ({**wish, "width": 5000}, 422, "/width"),
        ({**wish, "formats": []}, 422, "/formats"),
        ({**wish, "formats": ["svg"]}, 422, "/formats/0"),
        ({**wish, "maxBytes": 10}, 422, "/maxBytes"),
        ({**wish, "focus": {"x": 2, "y": 0}}, 422, "/focus/x"),
        ({**wish, "text": {"text": "한글"}}, 422, "/text/text"),
        ({**wish, "text": {"text": "a", "colour": "reddish"}}, 422, "/text/colour"),
        ({**wish, "text": {"text": "a", "outline": "#1"}}, 422, "/text/outline"),
        ({**wish, "text": {"text": "a", "size": 3}}, 422, "/text/size"),
    ]
    for body, status, pointer in wrong:
        assert refusal(tenant, place, body) == (status, pointer), body
    assert refusal(other, place, wish) == (404, "/assetId")

    frames = f"/videos/{video}/frames"
    for body, pointer in (
        ({"at": []}, "/at"),
        ({"at": [0.5, 2.5]}, "/at/1"),
        ({"at": [-1]}, "/at/0"),
        ({"at": [0.1] * 51}, "/at"),
    ):
        assert refusal(tenant, frames, body) == (422, pointer), body
    assert refusal(other, frames, {"at": [0.5]}) == (404, "/videoId")
    told = tenant.http.post(frames, json={"at": [0.5, 2.0], "formats": ["png"]})
    assert told.status_code == 202
    assert task(tenant, told.json()["taskId"]).at == (0.5, 2.0)

    cover = f"/videos/{video}/cover"
    for body, pointer in (
        ({}, "/cover"),
        ({"cover": 0, "assetId": asset}, "/cover"),
        ({"assetId": clip}, "/assetId"),
        ({"cover": 7}, "/cover"),
    ):
        answer = tenant.http.put(cover, json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
