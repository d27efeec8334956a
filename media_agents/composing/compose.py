"""The recipe of a film: files and a document go in, one MP4 comes out, checked."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ai_adapter.speech import Speech
from media_agents.composing import cards
from media_agents.composing.arranging import (
    Arrangement,
    Known,
    arrange,
    by_machine,
    sources,
)
from media_agents.composing.checking import check
from media_agents.composing.drawing import Drawing, Footage, Stock
from media_agents.composing.estimating import estimate
from media_agents.composing.mixing import mix
from media_agents.composing.narrating import Booth, narrate
from media_agents.composing.pieces import Marked, cut
from media_agents.composing.problems import refuse
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.facts import Facts, Loudness
from media_agents.labelling import Labels, aigc
from media_agents.muxing import OutputFile, progressive
from media_agents.pieces import PIECE_SECONDS, Kept
from media_agents.planning import Rung, Track
from media_agents.probe import probe
from media_agents.profiles import profiles
from media_agents.transcode import Renditions
from schemas.timeline import Cue, Mark, Timeline, Title
from streams.agents.spending import spend

NO_MARK = Mark(destination="")
PROBED, SPOKEN, DRAWN, MIXED, DONE = 3, 10, 85, 95, 99
Tell = Callable[[int], None]


class Wish(Struct, frozen=True, kw_only=True):
    """`destination` empty = the master, which carries nobody's marks.

    `producer` stands in the file's data where a machine made part of it.
    """

    timeline: Timeline
    destination: str = ""
    producer: str = "contentops"


class Composition(Struct, frozen=True):
    """`heard` None = nothing can be heard in it; cues are in seconds of the film."""

    file: OutputFile
    facts: Facts
    heard: Loudness | None
    cues: tuple[Cue, ...]
    weighted_seconds: float


class Bench(Struct, frozen=True):
    """What the work is done with; `folder` is private to it and goes away.

    Finished pieces of the picture and spoken sentences go to `kept`, and come from it.
    """

    engine: Engine
    speech: Speech
    folder: Path
    tell: Tell
    kept: Kept | None = None
    piece_seconds: float = PIECE_SECONDS


async def compose(wish: Wish, files: Mapping[str, Path], bench: Bench) -> Composition:
    """`files` has every source of the document by its name; raises MediaRefused."""
    footage = await _footage(wish.timeline, files, bench.engine)
    known = {name: known_of(each.facts) for name, each in footage.items()}
    refuse(check(wish.timeline, known, destination=wish.destination))
    bench.tell(PROBED)
    film = arrange(wish.timeline, known)
    machine = by_machine(wish.timeline, known)
    said, cues = await narrate(
        wish.timeline.narration,
        film,
        Booth(bench.speech, bench.engine, bench.folder, bench.kept),
        lambda share: bench.tell(PROBED + int(share * (SPOKEN - PROBED))),
    )
    picture = await _picture(wish, film, footage, bench, machine=machine)
    sound = await mix(
        wish.timeline, film, footage, said, bench.folder, engine=bench.engine
    )
    bench.tell(MIXED)
    labels = _labels(wish, files, machine=machine)
    track = sound[0] if sound else None
    made = await _muxed(picture, track, film, labels, bench)
    facts = await probe(made.path, bench.engine)
    _check(facts, film)
    cost = estimate(wish.timeline, film, known).weighted_seconds
    spend(media_seconds=film.seconds, weighted_seconds=cost)
    return Composition(made, facts, sound[1] if sound else None, tuple(cues), cost)


async def _footage(
    timeline: Timeline, files: Mapping[str, Path], engine: Engine
) -> dict[str, Footage]:
    found = {}
    for each in sources(timeline):
        if each.name in files:
            path = files[each.name]
            found[each.name] = Footage(path, await probe(path, engine))
    return found


def known_of(facts: Facts) -> Known:
    return Known(
        seconds=facts.seconds,
        picture=facts.kind == "video",
        sound=facts.sound is not None,
        width=facts.width,
        height=facts.height,
        ai=bool(facts.labels.aigc),
    )


async def _picture(
    wish: Wish,
    film: Arrangement,
    footage: Mapping[str, Footage],
    bench: Bench,
    *,
    machine: bool,
) -> Path:
    size = (film.width, film.height)
    drawn = await asyncio.to_thread(_cards, wish.timeline, size, bench.folder)
    marks = await asyncio.to_thread(
        lambda: _marks(wish, film, bench.folder, machine=machine)
    )
    work = Drawing(film, Stock(footage, drawn), bench.folder, bench.engine, bench.kept)
    return await work.draw(
        cut(film, marks, bench.piece_seconds),
        lambda share: bench.tell(SPOKEN + int(share * (DRAWN - SPOKEN))),
    )


def _cards(timeline: Timeline, size: tuple[int, int], folder: Path) -> dict[int, Path]:
    return {
        index: cards.save(cards.card(scene, size), folder / f"card-{index}.png")
        for index, scene in enumerate(timeline.scenes)
        if isinstance(scene, Title)
    }


def _marks(
    wish: Wish, film: Arrangement, folder: Path, *, machine: bool
) -> tuple[Marked, ...]:
    """One picture over all of the film, or a first and a second one."""
    size = (film.width, film.height)
    plain = cards.brand(allowed_mark(wish), size)
    told = cards.ai_mark(wish.timeline.ai_mark, size) if machine else None
    opening = film.frames
    if told is not None and wish.timeline.ai_mark.span == "opening":
        opening = min(film.frames, round(cards.AI_OPENING_S * film.rate))
    first = plain.copy()
    if told is not None:
        first.alpha_composite(told)
    found = [(first, 0, opening), (plain, opening, film.frames)]
    return tuple(
        Marked(cards.save(each, folder / f"marks-{begin}.png"), begin, end)
        for each, begin, end in found
        if end > begin and each.getbbox()
    )


def allowed_mark(wish: Wish) -> Mark:
    """What the destination lets us put on the picture; the master bears nothing."""
    profile = profiles().get(wish.destination)
    if profile is None or profile.watermark == "forbid":
        return NO_MARK
    return wish.timeline.mark(wish.destination)


def _labels(wish: Wish, files: Mapping[str, Path], *, machine: bool) -> Labels:
    note = wish.timeline.mark(wish.destination).copyright
    if not machine:
        return Labels(copyright=note)
    return Labels(aigc(wish.producer, recipe_id(wish, sorted(files))), note)


def recipe_id(wish: Wish, names: list[str]) -> str:
    """The same document on the same files makes the same film, with the same name."""
    spelt = msgspec.json.encode((wish, names), order="deterministic")
    return hashlib.sha256(spelt).hexdigest()[:32]


async def _muxed(
    picture: Path, sound: Path | None, film: Arrangement, labels: Labels, bench: Bench
) -> OutputFile:
    rung = Rung("film", film.width, film.height, 0)
    sounds = ((Track(0), sound),) if sound else ()
    made = Renditions(((rung, picture),), sounds, labels=labels)
    return await progressive(made, bench.folder, bench.engine)


def _check(facts: Facts, film: Arrangement) -> None:
    wanted = (film.width, film.height, film.frames)
    if (facts.width, facts.height, facts.frames) != wanted or facts.vfr:
        raise MediaRefused(
            "bad_output",
            f"the film is {facts.width}x{facts.height} with {facts.frames} frames, "
            f"wanted {film.width}x{film.height} with {film.frames}",
        )
