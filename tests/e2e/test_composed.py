"""From an upload to a narrated film in the file that Bilibili takes, from outside."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra import keys
from infra.demo.client import Client, Thing, things
from media_agents.conforming import fits
from media_agents.engines.ffmpeg import Engine
from media_agents.facts import Facts
from media_agents.loudness import loudness
from media_agents.probe import probe
from media_agents.profiles import profiles
from tests.fixtures.fix_media import ffmpeg
from tests.fixtures.fix_up import ROOT, Installation

CARD = {"type": "title", "text": "夜骑", "seconds": 1}
SMALL = {"width": 640, "height": 360, "frameRate": "25"}


@pytest.fixture(scope="module")
def key(installation: Installation) -> str:
    found: list[str] = []
    made = threading.Thread(
        target=lambda: found.append(
            keys.create(installation.settings, "composer", "admin")
        )
    )
    made.start()
    made.join()
    return found[0]


@pytest.fixture(scope="module")
def api(installation: Installation, key: str) -> Iterator[Client]:
    client = Client(installation.settings.api_url, key)
    yield client
    client.close()


@pytest.fixture(scope="module")
def footage(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("footage") / "ride.mp4"
    ffmpeg(
        engine,
        *["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3"],
        *["-f", "lavfi", "-i", "sine=f=300:d=3", "-pix_fmt", "yuv420p"],
        *["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path],
    )
    return path


@pytest.fixture(scope="module")
def project(api: Client) -> str:
    return str(api.post("/api/v1/projects", {"name": "夜骑"})["id"])


def uploaded(api: Client, project: str, path: Path) -> str:
    body: Thing = {
        "filename": path.name,
        "contentType": "video/mp4",
        "size": path.stat().st_size,
        "projectId": project,
    }
    asked = api.post("/api/v1/assets/presign", body)
    upload = asked["upload"]
    assert isinstance(upload, dict)
    api.put_file(upload, path)
    api.post(f"/api/v1/assets/{asked['id']}/complete", {})
    api.until(f"/api/v1/assets/{asked['id']}", "ready", say=lambda _: None)
    return str(asked["id"])


def document(asset: str) -> Thing:
    turn: Thing = {"kind": "crossfade", "seconds": 0.4}
    clip: Thing = {"type": "clip", "source": {"asset": asset}, "transition": turn}
    return {
        "version": 1,
        "canvas": dict(SMALL),
        "scenes": [{"type": "title", "text": "城市夜骑", "seconds": 2}, clip],
        "narration": [{"text": "晚上好。", "at": 0.3}],
        "insets": [{"source": {"asset": asset}, "at": 2.5, "seconds": 1, "scale": 0.2}],
        "marks": [{"destination": "bilibili", "watermark": "@夜骑"}],
    }


def fetched(url: object, path: Path) -> Path:
    path.write_bytes(httpx.get(str(url)).content)
    return path


def aside(work: Callable[[], Any]) -> Any:
    """Outside of the loop that the tests run in."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def facts_of(path: Path, engine: Engine) -> Facts:
    found: Facts = aside(lambda: asyncio.run(probe(path, engine)))
    return found


def test_a_timeline_becomes_the_file_that_a_destination_takes(
    api: Client, project: str, footage: Path, engine: Engine, tmp_path: Path
) -> None:
    asset = uploaded(api, project, footage)
    body: Thing = {"projectId": project, "title": "夜骑", "document": document(asset)}
    timeline = str(api.post("/api/v1/timelines", body)["id"])
    tried = api.post(
        f"/api/v1/timelines/{timeline}/dry-run", {"destination": "bilibili"}, wait=0
    )
    assert tried["ok"], tried
    estimate = tried["estimate"]
    assert isinstance(estimate, dict)

    wish: Thing = {"destination": "bilibili"}
    render = api.post(f"/api/v1/timelines/{timeline}/render", wish)
    there = f"/api/v1/timelines/{timeline}/renders/{render['id']}"
    film = api.until(there, "ready", say=lambda _: None, limit_s=120)
    assert film["durationMs"] == round(float(str(estimate["seconds"])) * 1000)
    assert film["ai"] is True
    assert "晚上好" in api.text(f"{there}/cues.vtt")

    composition = api.until(
        f"/api/v1/assets/{film['assetId']}", "ready", say=lambda _: None
    )
    assert composition["filename"] == "夜骑.mp4"
    master = fetched(composition["url"], tmp_path / "film.mp4")
    facts = facts_of(master, engine)
    assert (facts.width, facts.height, facts.fps) == (640, 360, 25.0)
    assert '"Label":"1"' in facts.labels.aigc
    heard = aside(lambda: asyncio.run(loudness(master, 1, engine, facts.seconds)))
    assert heard.lufs == pytest.approx(-14, abs=0.5)

    video = ready_video(api, str(film["assetId"]))
    file = fetched(video["url"], tmp_path / "bilibili.mp4")
    made = facts_of(file, engine)
    assert fits(made, profiles()["bilibili"]) == []
    assert made.labels.aigc == facts.labels.aigc
    assert abs(made.seconds - facts.seconds) <= 0.05


def ready_video(api: Client, asset: str) -> Thing:
    def look() -> list[Thing]:
        listed = things(api.get("/api/v1/videos")["items"])
        return [each for each in listed if each["assetId"] == asset]

    (video,) = api.until_some(look, "the video of the composition")
    assert video["profiles"] == ["bilibili"]
    return api.until(
        f"/api/v1/videos/{video['id']}", "ready", say=lambda _: None, limit_s=120
    )


def render(
    installation: Installation, key: str, *words: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", "media", "render", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "CONTENTOPS_CLIENT_URL": installation.settings.api_url,
            "CONTENTOPS_CLIENT_KEY": key,
        },
    )


def test_a_timeline_is_rendered_here_by_its_id(
    installation: Installation, api: Client, key: str, project: str, tmp_path: Path
) -> None:
    document: Thing = {"canvas": dict(SMALL), "scenes": [dict(CARD)]}
    wish: Thing = {"projectId": project, "title": "x", "document": document}
    timeline = str(api.post("/api/v1/timelines", wish)["id"])
    done = render(installation, key, timeline, "--out", str(tmp_path / "card.mp4"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "card.mp4").stat().st_size > 1000


def test_the_same_recipe_runs_here_and_its_result_is_uploaded(
    installation: Installation,
    api: Client,
    key: str,
    project: str,
    footage: Path,
    tmp_path: Path,
) -> None:
    words = [str(footage), "--profile", "bilibili", "--project", project]
    done = render(installation, key, *words, "--out", str(tmp_path / "here.mp4"))
    assert done.returncode == 0, done.stderr
    asset = done.stdout.rpartition("asset ")[2].strip(" .\n")
    found = api.until(f"/api/v1/assets/{asset}", "ready", say=lambda _: None)
    sent = fetched(found["url"], tmp_path / "sent.mp4").read_bytes()
    assert sent == (tmp_path / "here.mp4").read_bytes()
