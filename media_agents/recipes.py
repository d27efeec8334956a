"""The recipes a media job may ask for, from a local file to published objects."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from media_agents.cover import cover
from media_agents.engines.ffmpeg import Engine
from media_agents.package import OutputFile, Package, named_by_content, package
from media_agents.probe import Facts, probe
from media_agents.storage import Storage
from media_agents.transcode import Plan, Rung, plan, transcode, weighted_seconds

PACKAGER = "hls-fmp4-1"
_PROBED = 2
_ENCODED = 92
_PACKAGED = 96
_COVERED = 99


@dataclass(frozen=True, slots=True)
class Video:
    """Finished material, still local; names are relative to the video's prefix."""

    source: Facts
    rungs: tuple[Rung, ...]
    duration_ms: int
    bit_rate: int
    rung_bit_rates: tuple[int, ...]
    width: int
    height: int
    master: str
    progressive: str
    cover: str
    weighted_seconds: float
    files: tuple[OutputFile, ...]


def job_key(input_sha256: str, recipe: object, engine_version: str) -> str:
    """Equal keys make equal bytes, so the key may name the result's prefix."""
    spelt = msgspec.json.encode(recipe, order="deterministic")
    parts = (input_sha256.encode(), spelt, engine_version.encode(), PACKAGER.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


async def make_video(
    source: Path,
    work_dir: Path,
    *,
    engine: Engine,
    profiles: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Video:
    """`work_dir` is private to the job; the caller removes it whatever happens."""
    tell = progress or _silent
    facts = await probe(source, engine)
    tell(_PROBED)
    wanted = plan(facts, profiles)
    share = (_ENCODED - _PROBED) / 100
    made = await transcode(
        source,
        wanted,
        work_dir,
        engine=engine,
        progress=lambda percent: tell(_PROBED + int(percent * share)),
    )
    tell(_ENCODED)
    packed = await package(made, wanted, work_dir, engine=engine)
    tell(_PACKAGED)
    # Our own top rung is upright, SDR and has a key frame every two seconds.
    top = made.videos[0][1]
    picture = await cover(top, packed.duration_ms, work_dir, engine=engine)
    tell(_COVERED)
    return _video(facts, wanted, packed, picture)


def _video(facts: Facts, wanted: Plan, packed: Package, picture: Path) -> Video:
    still = named_by_content(picture, "cover", "image/jpeg", 0)
    top = wanted.rungs[0]
    return Video(
        source=facts,
        rungs=wanted.rungs,
        duration_ms=packed.duration_ms,
        bit_rate=packed.bit_rate,
        rung_bit_rates=packed.rung_bit_rates,
        width=top.width,
        height=top.height,
        master=packed.master,
        progressive=packed.progressive,
        cover=still.name,
        weighted_seconds=round(weighted_seconds(wanted), 3),
        files=(still, *packed.files),
    )


def _silent(_percent: int) -> None:
    return None


async def publish_files(
    storage: Storage, prefix: str, files: Sequence[OutputFile]
) -> None:
    """Media first, playlists next, the master last: a seen master always plays."""
    for file in sorted(files, key=lambda f: f.order):
        key = f"{prefix.rstrip('/')}/{file.name}"
        await storage.upload(file.path, key, file.content_type)
