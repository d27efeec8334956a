"""Media jobs as people have them: watched, called off, and one rendition made again."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import httpx
import psutil
import pytest

from e2e.test_subtitles import until, uploaded
from fixtures.fix_media import ffmpeg
from infra.wiring import storage
from media_agents.engines.ffmpeg import Engine
from tests.fixtures.fix_up import Installation

# Two seconds is the promise; the machine of a test may be busy with something else.
STOP_LIMIT_S = 5.0
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def api(installation: Installation) -> httpx.Client:
    return installation.as_tenant(f"jobs-{uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def long_clip(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes that are made in a second and take much longer to encode."""
    folder = tmp_path_factory.mktemp("long")
    two, path = folder / "two.mp4", folder / "long.mp4"
    ffmpeg(
        engine,
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=1280x720:r=30:d=2",
        *H264,
        "-crf",
        48,
        two,
    )
    ffmpeg(engine, "-stream_loop", 99, "-i", two, "-c", "copy", path)
    return path


class Watched:
    """What the stream of changes told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def percents(self, job: str) -> list[int]:
        news = [data for event, data in self.told if event == "progress"]
        return [each["percent"] for each in news if each["jobId"] == job]

    def types(self, job: str) -> list[str]:
        changes = [data for event, data in self.told if event == "change"]
        return [each["type"] for each in changes if each["id"] == job]


@contextmanager
def watching(api: httpx.Client) -> Iterator[Watched]:
    watched, ready = Watched(), threading.Event()

    def read(answer: httpx.Response) -> None:
        event = ""
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            event = value if name == "event" else event
            if name == "data":
                watched.told.append((event, json.loads(value)))
                ready.set()

    def follow() -> None:
        try:
            with api.stream("GET", "/events/stream", timeout=60) as answer:
                read(answer)
        except (httpx.HTTPError, httpx.StreamError):
            return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert ready.wait(30)
    yield watched


def encoders(installation: Installation) -> list[psutil.Process]:
    worker = psutil.Process(installation.children()["worker-media"].pid)
    return [each for each in worker.children(recursive=True) if is_encoder(each)]


def is_encoder(process: psutil.Process) -> bool:
    """Of the long clip, which alone is made in pieces."""
    try:
        return any("/piece-" in part for part in process.cmdline())
    except psutil.Error:
        return False


def task(api: httpx.Client, task_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/tasks/{task_id}").json()
    return found


def ended(api: httpx.Client, task_id: str) -> dict[str, Any]:
    """Completed, and accounted for."""
    found = until(
        lambda: (seen := task(api, task_id)).get("endedAt") and seen["spent"] and seen
    )
    assert found["status"] == "completed", found
    return dict(found)


def seconds_until(look: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not look():
        assert time.monotonic() - began < 30, "it never came"
        threading.Event().wait(0.005)
    return time.monotonic() - began


def test_a_job_that_is_called_off_ends_at_once_and_leaves_nothing(
    api: httpx.Client, installation: Installation, long_clip: Path
) -> None:
    asset = uploaded(api, long_clip)
    scratch = installation.settings.data / "scratch"
    with watching(api) as watched:
        wish = {"type": "transcode", "assetId": asset}
        job = api.post("/media/jobs", json=wish).json()["taskId"]
        until(lambda: (watched.percents(job) or [0])[-1] >= 5)
        (child,) = until(lambda: encoders(installation))
        assert list(scratch.iterdir())

        answer = api.delete(f"/tasks/{job}")
        assert answer.status_code == 202, answer.text
        # Reaped, not only killed: a process nobody waited for still has its number.
        seconds = seconds_until(lambda: not psutil.pid_exists(child.pid))

        until(lambda: not list(scratch.iterdir()))
        row = until(lambda: (seen := task(api, job))["spent"] and seen)
        until(lambda: "io.contentops.job.accounted.v1" in watched.types(job))
    sys.stdout.write(f"called off over HTTP, child reaped after {seconds:.2f} s\n")
    assert seconds <= STOP_LIMIT_S
    assert row["status"] == "cancelled"
    assert row["spent"]["cpu_seconds"] > 0
    assert encoders(installation) == []
    percents = watched.percents(job)
    assert percents == sorted(percents)
    assert max(percents) < 99
    videos = until(
        lambda: [
            each
            for each in api.get("/videos").json()["items"]
            if each["assetId"] == asset and each["status"] != "processing"
        ]
    )
    assert [each["status"] for each in videos] == ["failed"]


def short_clip(engine: Engine, folder: Path, seconds: int) -> Path:
    """Two rungs and sound; of another length it is another source."""
    path = folder / "short.mp4"
    picture = ("-f", "lavfi", "-i", f"testsrc2=s=640x480:r=25:d={seconds}")
    sound = ("-f", "lavfi", "-i", f"sine=440:r=48000:d={seconds}")
    ffmpeg(engine, *picture, *sound, *H264, "-c:a", "aac", path)
    return path


def test_progress_goes_up_step_by_step_and_not_to_the_end_before_it_is_there(
    api: httpx.Client, engine: Engine, tmp_path: Path
) -> None:
    asset = uploaded(api, short_clip(engine, tmp_path, 6))
    with watching(api) as watched:
        wish = {"type": "transcode", "assetId": asset}
        job = api.post("/media/jobs", json=wish).json()["taskId"]
        row = ended(api, job)
        percents = watched.percents(job)

    assert len(percents) >= 3
    assert percents == sorted(percents)
    assert 1 <= percents[0] < percents[-1] <= 99
    assert row["spent"]["weighted_seconds"] > 0


def lists(api: httpx.Client, video: str) -> dict[str, str]:
    """Every playlist of the video by its name, all of it there to be played."""
    url = str(api.get(f"/videos/{video}").json()["hlsUrl"])
    master = httpx.get(url)
    assert master.status_code == 200, master.text
    named = [line for line in master.text.splitlines() if ".m3u8" in line]
    named = [line.rpartition('URI="')[2].rstrip('"') for line in named]
    found = {each: httpx.get(urljoin(url, each)) for each in named}
    assert {each.status_code for each in found.values()} == {200}
    for name, answer in found.items():
        media = next(line for line in answer.text.splitlines() if line[:1] != "#")
        # Signed for GET alone; a byte says that the file is there.
        one = httpx.get(urljoin(url, media), headers={"Range": "bytes=0-0"})
        assert one.status_code == 206, name
    return {
        name.partition("?")[0].rpartition("/")[2]: a.text for name, a in found.items()
    }


def asked_again(api: httpx.Client, path: str, wish: dict[str, str]) -> str:
    """The task's end is known a moment before the video knows of it."""
    answer = until(
        lambda: (found := api.post(path, json=wish)).status_code != 409 and found
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["taskId"])


def test_one_rendition_is_made_again_while_the_video_plays(
    api: httpx.Client, installation: Installation, engine: Engine, tmp_path: Path
) -> None:
    asset = uploaded(api, short_clip(engine, tmp_path, 7))
    told = api.post("/media/jobs", json={"type": "transcode", "assetId": asset}).json()
    first = ended(api, told["taskId"])
    video = told["videoId"]
    until(lambda: api.get(f"/videos/{video}").json()["status"] == "ready")
    before = lists(api, video)
    path, wish = f"/videos/{video}/renditions", {"name": "360p"}

    asked = api.post(path, json=wish)
    assert asked.status_code == 202, asked.text
    job = asked.json()["taskId"]
    while not task(api, job).get("endedAt"):
        assert api.get(f"/videos/{video}").json()["status"] == "ready"
        lists(api, video)
    second = ended(api, job)

    # The same programs: the same bytes under the same names.
    assert second["result"]["recipe_key"] != first["result"]["recipe_key"]
    assert second["result"]["hls_key"] == first["result"]["hls_key"]
    assert second["spent"]["weighted_seconds"] < first["spent"]["weighted_seconds"]
    assert set(lists(api, video)) == set(before)

    again = ended(api, asked_again(api, path, wish))
    assert again["spent"]["weighted_seconds"] == 0
    assert again["result"]["hls_key"] == second["result"]["hls_key"]

    store = storage(installation.settings)
    (lost,) = [key for key in again["result"]["files"] if key.endswith(".mp4")]
    asyncio.run(store.delete([lost]))
    healed = ended(api, asked_again(api, path, wish))
    assert healed["spent"]["weighted_seconds"] > 0
    assert asyncio.run(store.head(lost)) is not None
