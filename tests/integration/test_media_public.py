"""What is public: names that say what is in them, kept by any cache, without a sign."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import m3u8
import pytest

from api.parts import Edge
from api.uploads import sign_get
from fixtures.fix_cdn import Cache, caching
from infra.settings import Settings
from infra.stack import bucket
from infra.wiring import storage
from media_agents.agent import Studio, sha256_of
from media_agents.engines.ffmpeg import Engine
from media_agents.pace import UNKNOWN_PACE, Pace
from media_agents.remembering import Memory
from media_agents.storage import Storage
from media_agents.subtitles.keeping import Home, keep
from media_agents.subtitles.rules import Cue
from media_agents.subtitles.work import Subtitler
from schemas.jobs import Captioned, CaptionInput, Transcoded, TranscodeInput
from streams.agents.spending import metered
from streams.agents.work import Job

HASHED = re.compile(r"-[0-9a-f]{8,}\.\w+$")
FOR_ALL = "public, max-age=31536000, immutable"


class Remembers(Memory):
    """Knows what the rows would say of finished jobs."""

    def __init__(self, *made: Transcoded) -> None:
        self._made = made

    async def same(self, tenant: str, recipe_key: str) -> Transcoded | None:
        return next((e for e in self._made if e.recipe_key == recipe_key), None)

    async def pace(self) -> Pace:
        return UNKNOWN_PACE


async def transcoded(
    store: Storage, engine: Engine, clip: Any, folder: Any, *, public: bool
) -> Transcoded:
    tenant = f"t{uuid4().hex}"
    await store.upload(clip("seven_seconds.mp4"), source_of(tenant), "video/mp4")
    return await made_of(store, engine, clip, folder, (tenant, "v"), public=public)


def source_of(tenant: str) -> str:
    return f"{tenant}/assets/1/a.mp4"


async def made_of(
    store: Storage,
    engine: Engine,
    clip: Any,
    folder: Any,
    who: tuple[str, str],
    *earlier: Transcoded,
    public: bool,
) -> Transcoded:
    """Of a source that lies in the store already."""
    tenant, video = who
    sha256 = sha256_of(clip("seven_seconds.mp4"))
    wish = TranscodeInput(video, source_of(tenant), sha256, (), public=public)
    job = Job(id="j", tenant=tenant, subject="asset/1", input=wish, token="t")
    studio = Studio(store, engine, folder, memory=Remembers(*earlier))
    made = await studio.transcode(job, lambda *_: None)
    assert isinstance(made, Transcoded)
    return made


def parts(store: Storage, cache: Cache) -> Any:
    return SimpleNamespace(
        edge=Edge(public_url="", link_key=b"", media_url=cache.url), storage=store
    )


async def ask(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url)


async def test_public_media_is_kept_by_a_cache_and_private_media_is_not_there(
    stack: Settings, engine: Engine, clip: Any, tmp_path: Any
) -> None:
    store = storage(stack)
    bucket.let_read_public(stack)
    made = await transcoded(store, engine, clip, tmp_path, public=True)
    private = await transcoded(store, engine, clip, tmp_path, public=False)
    with caching(f"{stack.s3}/{stack.s3_bucket}") as cache:
        at = parts(store, cache)
        film = await sign_get(at, made.mp4_key, "video/mp4")
        assert film == f"{cache.url}/{made.mp4_key}"
        assert HASHED.search(film)
        first, again = await ask(film), await ask(film)
        assert first.status_code == 200, first.text
        assert first.headers["cache-control"] == FOR_ALL
        assert first.headers["content-type"] == "video/mp4"
        assert (first.headers["x-cache"], again.headers["x-cache"]) == ("MISS", "HIT")
        assert again.content == first.content
        assert cache.asked == [f"/{made.mp4_key}"]

        master = f"{cache.url}/{made.hls_key}"
        listed = m3u8.loads((await ask(master)).text, uri=master)
        inner = [each.absolute_uri for each in listed.playlists]
        for url in inner:
            assert (await ask(url)).status_code == 200

        # Whoever guesses the address of something private gets nothing, and a signed
        # address is no shared cache's to keep.
        guessed = await ask(f"{cache.url}/{private.mp4_key}")
        assert guessed.status_code == 403
        signed = await sign_get(at, private.mp4_key, "video/mp4")
        assert signed is not None
        assert not signed.startswith(cache.url)
        found = await ask(signed)
        assert found.status_code == 200
        assert found.headers["cache-control"].startswith("private")


async def test_an_equal_public_wish_is_a_copy_with_public_names_and_headers(
    stack: Settings, engine: Engine, clip: Any, tmp_path: Any
) -> None:
    store = storage(stack)
    bucket.let_read_public(stack)
    first = await transcoded(store, engine, clip, tmp_path, public=True)
    tenant = first.mp4_key.partition("/")[0]
    meter = metered()
    again = await made_of(
        store, engine, clip, tmp_path, (tenant, "w"), first, public=True
    )

    assert meter.reused == "v"
    assert meter.cpu_seconds == 0
    assert again.hls_key == first.hls_key.replace("/v/", "/w/")
    assert HASHED.search(again.hls_key)
    names = [await store.below(f"{tenant}/public/{video}/") for video in "vw"]
    assert names[1] == [key.replace("/v/", "/w/") for key in names[0]]
    for key in names[1]:
        found = await ask(f"{stack.s3}/{stack.s3_bucket}/{key}")
        assert found.status_code == 200, key
        assert found.headers["cache-control"] == FOR_ALL, key
        before = await store.head(key.replace("/w/", "/v/"))
        assert before
        assert found.headers["content-type"] == before.content_type


async def test_a_private_wish_is_no_copy_of_a_public_video_nor_the_other_way(
    stack: Settings, engine: Engine, clip: Any, tmp_path: Any
) -> None:
    """What is made is equal, who may have it is not."""
    store = storage(stack)
    first = await transcoded(store, engine, clip, tmp_path, public=True)
    tenant = first.mp4_key.partition("/")[0]
    meter = metered()
    other = await made_of(
        store, engine, clip, tmp_path, (tenant, "w"), first, public=False
    )

    assert meter.reused == ""
    assert other.recipe_key != first.recipe_key
    assert other.mp4_key.startswith(f"{tenant}/videos/w/")
    assert await store.below(f"{tenant}/public/w/") == []


async def test_words_of_a_public_video_are_public_and_its_new_master_goes_last(
    stack: Settings, engine: Engine, clip: Any, tmp_path: Any
) -> None:
    store = Ordered(storage(stack))
    bucket.let_read_public(stack)
    first = await transcoded(store, engine, clip, tmp_path, public=True)
    tenant = first.mp4_key.partition("/")[0]
    before = set(await store.below(f"{tenant}/public/v/"))
    store.put.clear()
    made = await captioned(store, engine, tmp_path, tenant, first)

    added = set(await store.below(f"{tenant}/public/v/")) - before
    assert added == set(store.put) >= {made.mp4_key, made.hls_key}
    assert store.put[-1] == made.hls_key != first.hls_key
    hidden = await store.below(f"{tenant}/videos/")
    assert [key for key in hidden if not key.endswith("/answer.json")] == []
    for key in added:
        assert HASHED.search(key), key
        found = await ask(f"{stack.s3}/{stack.s3_bucket}/{key}")
        assert (found.status_code, found.headers["cache-control"]) == (200, FOR_ALL)
    master = f"{stack.s3}/{stack.s3_bucket}/{made.hls_key}"
    listed = m3u8.loads((await ask(master)).text, uri=master)
    (words,) = [each for each in listed.media if each.type == "SUBTITLES"]
    for url in (words.absolute_uri, *(each.absolute_uri for each in listed.playlists)):
        assert (await ask(url)).status_code == 200, url


class Ordered(Storage):
    """The real store, and the order in which things came into it."""

    def __init__(self, store: Storage) -> None:
        super().__init__(store._endpoint, *store._keys, store._bucket, store._region)
        self.put: list[str] = []

    async def upload(self, path: Path, key: str, kind: str, **more: bool) -> None:
        await super().upload(path, key, kind, **more)
        self.put.append(key)


async def captioned(
    store: Storage, engine: Engine, folder: Any, tenant: str, video: Transcoded
) -> Captioned:
    cues = (Cue(500, 2000, ("Hello.",)), Cue(2100, 4000, ("Two", "lines")))
    text = await keep(
        store, Home(tenant, "1", "en"), cues, "upload", confidence="exact"
    )
    wish = CaptionInput("v", video.mp4_key, video.hls_key, (text,))
    job = Job(id="c", tenant=tenant, subject="asset/1", input=wish, token="t")
    made = await Subtitler(store, engine, None, folder).caption(job, lambda *_: None)
    assert isinstance(made, Captioned)
    return made


@pytest.mark.parametrize("key", ["t/public/v/film-0a1b2c3d.mp4", "t/videos/v/a.mp4"])
async def test_without_a_public_address_everything_is_signed(
    stack: Settings, key: str
) -> None:
    url = await sign_get(parts(storage(stack), Cache()), key, "video/mp4")
    assert url is not None
    assert "X-Amz-Signature=" in url
