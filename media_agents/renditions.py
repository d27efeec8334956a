"""The media job that makes one rendition of a finished video again."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from media_agents.agent import recipe_of
from media_agents.encoders import wanted_encoder
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused, ObjectMissing
from media_agents.finished import Shelf, shows
from media_agents.muxing import OutputFile
from media_agents.pace import UNKNOWN_PACE
from media_agents.pieces import PIECE_SECONDS
from media_agents.planning import Rung
from media_agents.probe import probe
from media_agents.recipes import destination_of, job_key, planned, publish_files
from media_agents.remaking import Again, Remaking
from media_agents.remembering import Memory, StoredPieces, pieces_of
from media_agents.serving import is_public, video_prefix
from media_agents.storage import Storage
from media_agents.subtitles.keeping import cues_in
from media_agents.subtitles.soft import Shown, muxed, streamed
from media_agents.telling import media_facts
from media_agents.transcode import Terms
from media_agents.workplace import Workplace, sha256_of, spoken
from schemas.jobs import (
    JobInput,
    JobResult,
    MediaFacts,
    Remade,
    RemakeInput,
    Rendition,
)
from streams.agents.spending import reuse
from streams.agents.work import Job, Report, Work

LAST = 2
"""The order of a master among the files to publish."""


class Remaker:
    """`scratch` must be on a disk with room for the source and the rendition."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        scratch: Path,
        *,
        memory: Memory | None = None,
        piece_seconds: int = PIECE_SECONDS,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._place = Workplace(storage, scratch)
        self._memory = memory
        self._piece_seconds = piece_seconds

    def work(self) -> dict[type[JobInput], Work]:
        return {RemakeInput: self.remake}

    @spoken
    async def remake(self, job: Job, report: Report) -> JobResult:
        """What names the new files goes last; those of before stay where they are."""
        wanted = job.asked(RemakeInput)
        prefix = prefix_of(job.tenant, wanted)
        key = key_of(wanted, self._engine, self._piece_seconds)
        if again := await self._made_before(job, prefix, wanted, key):
            return again
        pieces = pieces_of(self._storage, job.tenant, wanted.wish.video_id, key)
        async with self._place.folder() as folder:
            report(1, "download")
            source = await self._source(wanted, folder)
            terms = await self._terms(wanted, pieces)
            work = Remaking(source, folder, self._engine, terms, _telling(report))
            made = await self._made(work, wanted, prefix)
            worded = await self._worded(wanted, made, folder)
            report(96, "upload")
            await self._publish(prefix, [*_files(made), *worded])
            await pieces.forget()
            facts = await self._facts(made)
        return _remade(wanted, prefix, (made, worded), facts, key)

    async def _made_before(
        self, job: Job, prefix: str, wanted: RemakeInput, key: str
    ) -> Remade | None:
        """If the video shows what this recipe made, all is done."""
        if self._memory is None:
            return None
        video_id = wanted.wish.video_id
        earlier = await self._memory.remade(job.tenant, job.subject, video_id, key)
        if earlier is None or not await shows(self._storage, prefix, wanted, earlier):
            return None
        reuse(video_id)
        return _as_it_is(wanted, earlier)

    async def _terms(self, wanted: RemakeInput, pieces: StoredPieces) -> Terms:
        pace = await self._memory.pace() if self._memory else UNKNOWN_PACE
        encoder = wanted_encoder(wanted.wish.needs)
        return Terms(pace, pieces, self._piece_seconds, encoder)

    async def _source(self, wanted: RemakeInput, folder: Path) -> Path:
        wish = wanted.wish
        try:
            return await self._place.source(wish.object_key, wish.sha256, folder)
        except ObjectMissing as gone:
            raise MediaRefused(
                "source_missing",
                "the file this video was made of is not in the store any more",
                "Upload it again and ask for a new video",
            ) from gone

    async def _made(self, work: Remaking, wanted: RemakeInput, prefix: str) -> Again:
        text, wished = wanted.wish.burn, wanted.wish.profiles
        burn = () if text is None else (await cues_in(self._storage, text)).cues
        if destination_of(wished):
            return await work.file(wished, burn)
        shelf = Shelf(self._storage, prefix, work.folder)
        before = await shelf.finished(wanted.hls_key, wanted.name)
        facts = await probe(work.source, self._engine)
        plan = planned(facts, wished, burn, work.folder)
        # As it was made, whatever the ladder of today would be.
        rungs = tuple(_rung(each) for each in wanted.renditions)
        plan = replace(plan, rungs=rungs, encoder=work.terms.encoder)
        rung = next(each for each in rungs if each.name == wanted.name)
        return await work.rendition(plan, rung, before)

    async def _worded(
        self, wanted: RemakeInput, made: Again, folder: Path
    ) -> list[OutputFile]:
        """The same with the words beside the picture; the master is the last."""
        if not wanted.texts:
            return []
        shown = [
            Shown(each.language, (await cues_in(self._storage, each)).cues)
            for each in wanted.texts
        ]
        whole, master = made.whole, made.master
        files = [await muxed(whole.path, shown, folder, self._engine)] if whole else []
        if master is None:
            return files
        text = master.path.read_text()
        return [*files, *streamed(text, shown, made.seconds, folder)]

    async def _publish(self, prefix: str, files: Sequence[OutputFile]) -> None:
        for file in files:
            await self._clear(f"{prefix}/{file.name}", file.path)
        await publish_files(self._storage, prefix, files)

    async def _clear(self, key: str, path: Path) -> None:
        """Names say what is in a file: what is something else there is damaged."""
        if await self._storage.head(key) is None:
            return
        mine = await asyncio.to_thread(sha256_of, path)
        if await self._storage.sha256(key) != mine:
            await self._storage.delete([key])

    async def _facts(self, made: Again) -> MediaFacts | None:
        if made.whole is None:
            return None
        return media_facts(await probe(made.whole.path, self._engine))


def prefix_of(tenant: str, wanted: RemakeInput) -> str:
    public = is_public(wanted.mp4_key)
    return video_prefix(tenant, wanted.wish.video_id, public=public)


def key_of(
    wanted: RemakeInput, engine: Engine, piece_seconds: int = PIECE_SECONDS
) -> str:
    whole = recipe_of(wanted.wish, piece_seconds)
    recipe = ("rendition", wanted.name, wanted.renditions, whole)
    return job_key(wanted.wish.sha256, recipe, engine.version)


def _telling(report: Report) -> Callable[[int], None]:
    return lambda percent: report(2 + percent * 92 // 100, "transcode")


def _rung(made: Rendition) -> Rung:
    return Rung(made.name, made.width, made.height, made.bit_rate)


def _files(made: Again) -> list[OutputFile]:
    return [*made.files, *(each for each in (made.whole, made.master) if each)]


def _as_it_is(wanted: RemakeInput, earlier: Remade) -> Remade:
    return Remade(
        video_id=wanted.wish.video_id,
        name=wanted.name,
        mp4_key=wanted.mp4_key,
        hls_key=wanted.hls_key,
        shown_mp4=wanted.shown_mp4,
        shown_hls=wanted.shown_hls,
        files=earlier.files,
        recipe_key=earlier.recipe_key,
    )


def _remade(
    wanted: RemakeInput,
    prefix: str,
    made: tuple[Again, list[OutputFile]],
    facts: MediaFacts | None,
    key: str,
) -> Remade:
    again, worded = made
    own = [*again.files, *([again.whole] if again.whole else [])]
    mp4 = _key(prefix, again.whole) or wanted.mp4_key
    hls = _key(prefix, again.master) or wanted.hls_key
    master = next((each for each in worded if each.order == LAST), None)
    whole = worded[0] if again.whole and worded else again.whole
    return Remade(
        video_id=wanted.wish.video_id,
        name=wanted.name,
        mp4_key=mp4,
        hls_key=hls,
        shown_mp4=_key(prefix, whole) or wanted.shown_mp4,
        shown_hls=_key(prefix, master) or hls,
        files=tuple(f"{prefix}/{each.name}" for each in own),
        facts=facts,
        recipe_key=key,
    )


def _key(prefix: str, file: OutputFile | None) -> str:
    return f"{prefix}/{file.name}" if file else ""
