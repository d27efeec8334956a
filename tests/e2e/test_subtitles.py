"""Words found in the sound, corrected by a person, and shown beside the picture."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fixtures.fix_media import ffmpeg
from fixtures.fix_speech import Spoken, speech
from media_agents.engines.ffmpeg import Engine
from tests.fixtures.fix_up import Installation

LIMIT_S = 90
SENTENCES = ["Welcome back to the workshop.", "Today we build a lamp."]


@pytest.fixture(scope="module")
def talk(engine: Engine, tmp_path_factory) -> tuple[Path, Spoken]:
    """A grey picture of 320x180 in which two sentences are said."""
    folder = tmp_path_factory.mktemp("talk")
    spoken = speech(folder / "speech.wav", SENTENCES, "en")
    picture = ("-f", "lavfi", "-i", f"color=gray:s=320x180:r=25:d={spoken.seconds}")
    path = folder / "talk.mp4"
    ffmpeg(engine, *picture, "-i", spoken.path, "-c:v", "libx264", "-pix_fmt",
           "yuv420p", "-c:a", "aac", path)  # fmt: skip
    return path, spoken


@pytest.fixture(scope="module")
def api(installation: Installation) -> httpx.Client:
    return installation.as_tenant(f"words-{uuid4().hex[:8]}")


def until(look: Callable[[], Any]) -> Any:
    end = time.monotonic() + LIMIT_S
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
    return found


def made(api: httpx.Client, path: str, body: object, **headers: str) -> Any:
    answer = api.post(path, json=body, headers={"Prefer": "wait=10"} | headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def uploaded(api: httpx.Client, path: Path) -> str:
    project = made(api, "/projects", {"name": "Words"})["id"]
    wish = {"filename": path.name, "contentType": "video/mp4", "projectId": project}
    opened = made(api, "/assets/presign", {**wish, "size": path.stat().st_size})
    upload = opened["upload"]
    sent = httpx.put(
        upload["url"], content=path.read_bytes(), headers=upload["headers"]
    )
    assert sent.status_code == 200, sent.text
    asset = str(opened["id"])
    made(api, f"/assets/{asset}/complete", {})
    until(lambda: api.get(f"/assets/{asset}").json()["status"] == "ready")
    return asset


def shown(api: httpx.Client, video: str) -> str:
    """The words a player gets, by way of master and playlist."""
    master = httpx.get(api.get(f"/videos/{video}").json()["hlsUrl"])
    (line,) = [each for each in master.text.splitlines() if "SUBTITLES," in each]
    playlist = httpx.get(master.url.join(line.rpartition('URI="')[2].rstrip('"')))
    (words,) = [
        each for each in playlist.text.splitlines() if each and not each.startswith("#")
    ]
    return httpx.get(words).text


def test_a_script_is_found_edited_and_shown_without_another_encode(
    api: httpx.Client, talk: tuple[Path, Spoken]
) -> None:
    path, spoken = talk
    asset = uploaded(api, path)
    job = api.post("/media/jobs", json={"type": "transcode", "assetId": asset}).json()
    video = job["videoId"]
    own = f"/assets/{asset}/subtitles"
    made(
        api, own, {"language": "en", "source": "script", "script": " ".join(SENTENCES)}
    )

    until(lambda: api.get(f"{own}/en").json().get("number"))
    found = api.get(f"{own}/en")
    cues = found.json()["cues"]
    assert [each["lines"] for each in cues] == [[each] for each in SENTENCES]
    for cue, (start, _) in zip(cues, spoken.times, strict=True):
        assert cue["startMs"] / 1000 == pytest.approx(start, abs=0.1)
    assert found.json()["problems"] == []

    cues[1]["lines"] = ["Today we build a boat."]
    headers = {"If-Match": found.headers["etag"], "Prefer": "wait=10"}
    edited = api.put(f"{own}/en", json={"cues": cues}, headers=headers)
    assert edited.status_code == 200, edited.text
    assert api.put(f"{own}/en", json={"cues": cues}, headers=headers).status_code == 412

    before = until(
        lambda: (
            (seen := api.get(f"/videos/{video}").json())["status"] == "ready" and seen
        )
    )
    wish = {"subtitles": [{"language": "en"}]}
    asked = api.put(f"/videos/{video}/subtitles", json=wish)
    assert asked.status_code == 202, asked.text
    after = until(
        lambda: (seen := api.get(f"/videos/{video}").json())["captions"] and seen
    )
    assert [(each["language"], each["number"]) for each in after["captions"]] == [
        ("en", 2)
    ]
    assert after["renditions"] == before["renditions"]
    text = shown(api, video)
    assert "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000" in text
    assert "Today we build a boat." in text
    assert b"tx3g" in httpx.get(after["url"]).content
