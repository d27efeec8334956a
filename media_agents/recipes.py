"""The recipes a media job may ask for, from a local file to published objects."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from media_agents.beside import beside
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.facts import Facts
from media_agents.muxing import OutputFile
from media_agents.package import Package, package
from media_agents.planning import Plan, Rung, plan, weighted_seconds
from media_agents.probe import probe
from media_agents.profiles import Profile, profiles
from media_agents.rendering import plan_for, render
from media_agents.sides import Sides, side_products
from media_agents.storage import Storage
from media_agents.subtitles.burning import prepare
from media_agents.subtitles.rules import Cue
from media_agents.transcode import PLAIN, Renditions, Terms, silent, transcode
from streams.agents.spending import spend

PACKAGER = "hls-fmp4-5"
_PROBED = 2
_ENCODED = 92
_FINISHED = 99


@dataclass(frozen=True, slots=True)
class Cover:
    """`at` in seconds; `score` is higher the more there is to see."""

    name: str
    at: float
    score: float


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
    covers: tuple[Cover, ...]
    thumbnails: str
    waveform: str
    weighted_seconds: float
    files: tuple[OutputFile, ...]


def job_key(input_sha256: str, recipe: object, engine_version: str) -> str:
    """Equal keys make equal bytes, so the key may name the result's prefix."""
    spelt = msgspec.json.encode(recipe, order="deterministic")
    parts = (input_sha256.encode(), spelt, engine_version.encode(), PACKAGER.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


async def make_video(  # noqa: PLR0913  what is wished for, and on which terms
    source: Path,
    work_dir: Path,
    *,
    engine: Engine,
    wished: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
    burn: Sequence[Cue] = (),
    terms: Terms = PLAIN,
) -> Video:
    """Of names of rungs a ladder, of a destination's name the one file it takes.

    `burn`: words that become part of the picture.
    `work_dir` is private to the job; the caller removes it whatever happens.
    """
    tell = progress or silent
    facts = await probe(source, engine)
    tell(_PROBED)
    destination = destination_of(wished)
    wanted = replace(planned(facts, wished, burn, work_dir), encoder=terms.encoder)
    work = Making(source, work_dir, engine, destination, tell, terms)
    try:
        packed, sides = await work.make(wanted)
    except MediaRefused as refused:
        if not wanted.copies or refused.code != "bad_output":
            raise
        # The source looked as if it could be copied and is not what players expect.
        wanted = replace(wanted, copies=False)
        packed, sides = await work.make(wanted)
    return _video(facts, wanted, packed, sides)


def planned(
    facts: Facts, wished: Sequence[str], burn: Sequence[Cue], work_dir: Path
) -> Plan:
    """Raises MediaRefused before anything is encoded."""
    destination = destination_of(wished)
    wanted = plan_for(facts, destination) if destination else plan(facts, wished)
    return burning(wanted, burn, work_dir) if burn else wanted


def burning(wanted: Plan, cues: Sequence[Cue], folder: Path) -> Plan:
    """Raises MediaRefused("font_missing") before anything is encoded."""
    top = wanted.rungs[0]
    text = prepare(cues, (top.width, top.height), folder)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return replace(wanted, copies=False, burnt=digest)


def destination_of(names: Sequence[str]) -> Profile | None:
    """The profile of a destination; raises MediaRefused beside any other name."""
    known = [each for each in names if each in profiles()]
    if known and len(names) > 1:
        raise MediaRefused(
            "unknown_profile",
            f"{known[0]} is a destination and stands alone",
            "Ask for each destination in a job of its own.",
        )
    return profiles()[known[0]] if known else None


@dataclass(frozen=True, slots=True)
class Making:
    """What every way from a source to files shares."""

    source: Path
    work_dir: Path
    engine: Engine
    destination: Profile | None
    tell: Callable[[int], None]
    terms: Terms

    async def make(self, wanted: Plan) -> tuple[Package, Sides]:
        share = (_ENCODED - _PROBED) / 100
        made = await transcode(
            self.source,
            wanted,
            self.work_dir,
            engine=self.engine,
            progress=lambda percent: self.tell(_PROBED + int(percent * share)),
            terms=self.terms,
        )
        spend(
            media_seconds=wanted.seconds * len(wanted.rungs),
            weighted_seconds=weighted_seconds(wanted),
        )
        self.tell(_ENCODED)
        sides = side_products(made, wanted.seconds, self.work_dir, engine=self.engine)
        found = await beside(self._packed(made, wanted), sides)
        self.tell(_FINISHED)
        return found

    async def _packed(self, made: Renditions, wanted: Plan) -> Package:
        if self.destination is None:
            return await package(made, wanted, self.work_dir, engine=self.engine)
        return await render(
            made,
            self.destination,
            self.work_dir,
            engine=self.engine,
            edited=wanted.edit_list,
        )


def _video(facts: Facts, wanted: Plan, packed: Package, sides: Sides) -> Video:
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
        covers=tuple(Cover(f.name, c.at, c.score) for c, f in sides.covers),
        thumbnails=sides.thumbnails,
        waveform=sides.waveform,
        weighted_seconds=round(weighted_seconds(wanted), 3),
        files=(*sides.files, *packed.files),
    )


async def publish_files(
    storage: Storage, prefix: str, files: Sequence[OutputFile]
) -> None:
    """Media first, playlists next, the master last: a seen master always plays."""
    for file in sorted(files, key=lambda f: f.order):
        key = f"{prefix.rstrip('/')}/{file.name}"
        await storage.upload(file.path, key, file.content_type, finished=True)
        spend(bytes_out=(await asyncio.to_thread(file.path.stat)).st_size)
