"""What is public: names that say what is in them, kept by any cache, without a sign."""

import re
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
from media_agents.storage import Storage
from schemas.jobs import Transcoded, TranscodeInput
from streams.agents.work import Job

HASHED = re.compile(r"-[0-9a-f]{8,}\.\w+$")


async def transcoded(
    store: Storage, engine: Engine, clip: Any, folder: Any, *, public: bool
) -> Transcoded:
    tenant = f"t{uuid4().hex}"
    source, key = clip("seven_seconds.mp4"), f"{tenant}/assets/1/a.mp4"
    await store.upload(source, key, "video/mp4")
    wish = TranscodeInput("v", key, sha256_of(source), (), public=public)
    job = Job(id="j", tenant=tenant, subject="asset/1", input=wish, token="t")
    made = await Studio(store, engine, folder).transcode(job, lambda *_: None)
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
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
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


@pytest.mark.parametrize("key", ["t/public/v/film-0a1b2c3d.mp4", "t/videos/v/a.mp4"])
async def test_without_a_public_address_everything_is_signed(
    stack: Settings, key: str
) -> None:
    url = await sign_get(parts(storage(stack), Cache()), key, "video/mp4")
    assert url is not None
    assert "X-Amz-Signature=" in url
