"""A job whose worker died after the work: what it came to is found, not made again."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import msgspec.structs
import pytest

from infra.settings import Settings
from infra.wiring import storage
from media_agents.agent import Studio
from media_agents.engines.ffmpeg import Engine
from media_agents.remembering import copied
from media_agents.storage import Storage
from media_agents.workplace import sha256_of
from schemas.jobs import Transcoded, TranscodeInput
from streams.agents.work import Job
from tests.fixtures.fix_media import MakeClip


@pytest.fixture(scope="module")
def store(stack: Settings) -> Storage:
    return storage(stack)


@pytest.fixture
async def job(store: Storage, clip: MakeClip) -> Job:
    tenant = f"t{uuid4().hex}"
    source, key = clip("seven_seconds.mp4"), f"{tenant}/assets/1/a.mp4"
    await store.upload(source, key, "video/mp4")
    wish = TranscodeInput("v", key, sha256_of(source), ("360p",))
    return Job(id="j", tenant=tenant, subject="asset/1", input=wish, token="t")


async def transcoded(studio: Studio, job: Job) -> Transcoded:
    made = await studio.transcode(job, lambda *_: None)
    assert isinstance(made, Transcoded)
    return made


async def test_an_attempt_after_the_work_answers_at_once_with_the_same(
    store: Storage, engine: Engine, job: Job, tmp_path: Path
) -> None:
    first = await transcoded(Studio(store, engine, tmp_path, piece_seconds=2), job)
    kept = await store.below(f"{job.tenant}/videos/v/pieces/")
    idle = replace(engine, ffmpeg="/nowhere", ffprobe="/nowhere")
    again = await transcoded(Studio(store, idle, tmp_path, piece_seconds=2), job)

    assert again == first
    assert [each.rpartition("/")[2] for each in kept] == ["answer.json"]


async def test_other_pieces_are_another_recipe(
    store: Storage, engine: Engine, job: Job, tmp_path: Path
) -> None:
    first = await transcoded(Studio(store, engine, tmp_path, piece_seconds=2), job)
    other = msgspec.structs.replace(job, id="k", input=moved(job, "w"))
    longer = await transcoded(Studio(store, engine, tmp_path), other)

    assert first.recipe_key != longer.recipe_key


def moved(job: Job, video_id: str) -> TranscodeInput:
    return msgspec.structs.replace(job.asked(TranscodeInput), video_id=video_id)


async def test_a_copy_of_a_video_takes_no_pieces_and_no_answer_along(
    store: Storage, engine: Engine, job: Job, tmp_path: Path
) -> None:
    first = await transcoded(Studio(store, engine, tmp_path, piece_seconds=2), job)

    made = await copied(store, job.tenant, first, "w")

    there = await store.below(f"{job.tenant}/videos/w/")
    assert made is not None
    assert made.hls_key in there
    assert [each for each in there if "/pieces/" in each] == []


@pytest.mark.parametrize("stem", ["video", "360p", "360p-keys", "cover-0", "master"])
async def test_a_video_of_which_anything_is_gone_is_not_copied(
    store: Storage, engine: Engine, job: Job, tmp_path: Path, stem: str
) -> None:
    first = await transcoded(Studio(store, engine, tmp_path), job)
    there = await store.below(f"{job.tenant}/videos/v/")
    gone = [key for key in there if key.rpartition("/")[2].rpartition("-")[0] == stem]
    await store.delete(gone[:1])

    assert gone
    assert await copied(store, job.tenant, first, "w") is None
    assert await store.below(f"{job.tenant}/videos/w/") == []
