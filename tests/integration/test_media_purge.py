"""Deleting for good: the objects of an asset and of its videos, and no other."""

from pathlib import Path
from uuid import uuid4

from infra.settings import Settings
from infra.wiring import storage
from media_agents.agent import Studio
from media_agents.engines.ffmpeg import find_engine
from schemas.jobs import PurgeInput, Settled
from streams.agents.work import Job


async def test_only_what_is_named_below_the_own_prefix_goes(
    stack: Settings, tmp_path: Path
) -> None:
    store, tenant = storage(stack), f"t{uuid4().hex}"
    named = f"{tenant}/assets/1/a.mp4"
    made = [f"{tenant}/videos/v/{name}" for name in ("m.mp4", "hls/1.m4s")]
    made += [f"{tenant}/{kind}/1/k/a" for kind in ("renders", "subtitles")]
    kept = [f"{tenant}/assets/2/b.mp4", f"{tenant}/renders/11/k/a"]
    kept += [f"{tenant}/videos/vv/m.mp4", f"x{tenant}/c.mp4"]
    for key in (named, *made, *kept):
        await store.put_json(key, {"body": key})
    wish = PurgeInput(
        (named, kept[-1], f"{tenant}/gone"), ("v", "never made"), asset_id="1"
    )
    job = Job(id="j", tenant=tenant, subject="asset/1", input=wish, token="t")

    for _ in range(2):
        found = await Studio(store, find_engine(None), tmp_path).purge(
            job, lambda *_: None
        )
        assert isinstance(found, Settled)

    left = [*await store.below(f"{tenant}/"), *await store.below(f"x{tenant}/")]
    assert left == kept
