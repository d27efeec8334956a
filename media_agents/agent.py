"""Media jobs: fetch, probe and transcode, each in a private folder that goes away."""

import asyncio
from itertools import product
from pathlib import Path

from media_agents import errors
from media_agents.encoders import wanted_encoder
from media_agents.engines.ffmpeg import Engine
from media_agents.facts import Facts, Loudness
from media_agents.fetch import DEFAULT_GUARD, Guard, fetch
from media_agents.loudness import loudness
from media_agents.pace import UNKNOWN_PACE, Pace
from media_agents.picturing import Made, make_pictures
from media_agents.pieces import PIECE_SECONDS
from media_agents.planning import Rung
from media_agents.probe import probe
from media_agents.recipes import Video, job_key, make_video, publish_files
from media_agents.remembering import Memory, copied, pieces_of
from media_agents.serving import video_prefix
from media_agents.storage import Storage, own_prefix
from media_agents.subtitles.keeping import cues_in
from media_agents.subtitles.rules import Cue
from media_agents.telling import media_facts
from media_agents.transcode import Terms
from media_agents.workplace import Workplace, sha256_of, spoken
from schemas.jobs import (
    Cover,
    Fetched,
    FetchInput,
    JobInput,
    JobResult,
    Probed,
    ProbeInput,
    PurgeInput,
    Rendition,
    Settled,
    SubtitleText,
    Transcoded,
    TranscodeInput,
)
from schemas.pictures import Imaged, ImagesInput, Picture
from streams.agents.spending import reuse
from streams.agents.work import Job, Report, Work


class Studio:
    """`scratch` must be on a disk with room for the source and all its renditions."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        scratch: Path,
        *,
        guard: Guard = DEFAULT_GUARD,
        memory: Memory | None = None,
        piece_seconds: int = PIECE_SECONDS,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._place = Workplace(storage, scratch)
        self._guard = guard
        self._memory = memory
        self._piece_seconds = piece_seconds

    def work(self) -> dict[type[JobInput], Work]:
        return {
            FetchInput: self.fetch,
            ProbeInput: self.probe,
            TranscodeInput: self.transcode,
            ImagesInput: self.images,
            PurgeInput: self.purge,
        }

    @spoken
    async def fetch(self, job: Job, report: Report) -> JobResult:
        wanted = job.asked(FetchInput)
        async with self._place.folder() as folder:
            report(5, "fetch")
            path = folder / "source"
            found = await fetch(wanted.source, path, guard=self._guard)
            report(70, "upload")
            kind = found.content_type or "application/octet-stream"
            await self._storage.upload(path, wanted.object_key, kind)
        return Fetched(wanted.object_key, found.size, found.sha256, kind)

    @spoken
    async def probe(self, job: Job, report: Report) -> JobResult:
        wanted = job.asked(ProbeInput)
        async with self._place.folder() as folder:
            path = await self._place.source(wanted.object_key, wanted.sha256, folder)
            report(40, "probe")
            facts = await probe(path, self._engine)
            report(60, "listen")
            heard = await self._listened(path, facts)
            return Probed(media_facts(facts, heard), wanted.number)

    @spoken
    async def transcode(self, job: Job, report: Report) -> JobResult:
        wanted = job.asked(TranscodeInput)
        prefix = video_prefix(job.tenant, wanted.video_id, public=wanted.public)
        recipe = recipe_of(wanted, self._piece_seconds)
        key = job_key(wanted.sha256, recipe, self._engine.version)
        if again := await self._made_before(job, wanted.video_id, key):
            return again
        pieces = pieces_of(self._storage, job.tenant, wanted.video_id, key)
        if answer := await pieces.answer():
            return answer
        encoder = wanted_encoder(wanted.needs)
        terms = Terms(await self._pace(), pieces, self._piece_seconds, encoder)
        async with self._place.folder() as folder:
            report(1, "download")
            path = await self._place.source(wanted.object_key, wanted.sha256, folder)
            made = await make_video(
                path,
                folder,
                engine=self._engine,
                wished=wanted.profiles,
                burn=await self._burnt(wanted.burn),
                progress=lambda percent: report(min(percent, 95), "transcode"),
                terms=terms,
            )
            answer = await self._transcoded(wanted.video_id, prefix, made, key)
            report(96, "upload")
            await publish_files(self._storage, prefix, made.files)
            await pieces.settle(answer)
        return answer

    async def _made_before(
        self, job: Job, video_id: str, recipe_key: str
    ) -> Transcoded | None:
        """The same source, recipe and programs make the same bytes: they are copied."""
        earlier = (
            await self._memory.same(job.tenant, recipe_key) if self._memory else None
        )
        if earlier is None or earlier.video_id == video_id:
            return None
        made = await copied(self._storage, job.tenant, earlier, video_id)
        if made is not None:
            reuse(earlier.video_id)
        return made

    async def _pace(self) -> Pace:
        return await self._memory.pace() if self._memory else UNKNOWN_PACE

    @spoken
    async def images(self, job: Job, report: Report) -> JobResult:
        wanted = job.asked(ImagesInput)
        async with self._place.folder() as folder:
            report(1, "download")
            path = await self._place.source(wanted.object_key, wanted.sha256, folder)
            report(20, "pictures")
            made = await make_pictures(path, wanted, folder, engine=self._engine)
            report(90, "upload")
            prefix = f"{job.tenant}/images/{wanted.images_id}"
            await publish_files(self._storage, prefix, [each.file for each in made])
            shown = [await asyncio.to_thread(_picture, prefix, each) for each in made]
        cover = shown[0].key if wanted.cover else ""
        return Imaged(wanted.images_id, tuple(shown), wanted.video_id, cover)

    @spoken
    async def purge(self, job: Job, report: Report) -> JobResult:
        """Only below the tenant's own prefix, whatever the event says."""
        wanted = job.asked(PurgeInput)
        announced = set(wanted.object_keys)
        keys = list(wanted.object_keys)
        places = product(("videos", "public"), wanted.video_ids)
        folders = [f"{place}/{each}" for place, each in places]
        folders += [f"images/{each}" for each in wanted.image_ids]
        if wanted.asset_id:
            folders += [
                f"{each}/{wanted.asset_id}" for each in ("subtitles", "renders")
            ]
        for folder in folders:
            keys += await self._storage.below(f"{job.tenant}/{folder}/")
        report(50, "delete")
        mine = [key for key in keys if own_prefix(job.tenant, key)]
        await self._storage.give_up([each for each in mine if each in announced])
        await self._storage.delete(mine)
        return Settled(f"{len(mine)} objects deleted")

    async def _burnt(self, text: SubtitleText | None) -> tuple[Cue, ...]:
        return () if text is None else (await cues_in(self._storage, text)).cues

    async def _transcoded(
        self, video_id: str, prefix: str, made: Video, key: str
    ) -> Transcoded:
        """`facts` are read off the finished file, not off what it was made from."""
        whole = next(each for each in made.files if each.name == made.progressive)
        return Transcoded(
            video_id=video_id,
            mp4_key=f"{prefix}/{made.progressive}",
            hls_key=f"{prefix}/{made.master}" if made.master else "",
            cover_key=f"{prefix}/{made.covers[0].name}",
            facts=media_facts(await probe(whole.path, self._engine)),
            renditions=tuple(_rendition(rung) for rung in made.rungs),
            source_seconds=made.source.duration_ms / 1000,
            covers=tuple(
                Cover(f"{prefix}/{each.name}", each.at, each.score)
                for each in made.covers
            ),
            thumbnails_key=f"{prefix}/{made.thumbnails}",
            waveform_key=f"{prefix}/{made.waveform}" if made.waveform else "",
            recipe_key=key,
        )

    async def _listened(self, path: Path, facts: Facts) -> Loudness | None:
        """A track that cannot be decoded is what the transcode will refuse."""
        if facts.sound is None:
            return None
        try:
            return await loudness(path, facts.sound.index, self._engine, facts.seconds)
        except errors.MediaRefused:
            return None


def recipe_of(
    wanted: TranscodeInput, piece_seconds: int = PIECE_SECONDS
) -> tuple[object, ...]:
    """All of a wish, besides its source, that decides which bytes are made for whom.

    So does where the cuts are.
    """
    burnt = wanted.burn.sha256 if wanted.burn else ""
    cuts = () if piece_seconds == PIECE_SECONDS else (piece_seconds,)
    return wanted.profiles, wanted.needs, burnt, wanted.public, *cuts


def _picture(prefix: str, made: Made) -> Picture:
    return Picture(
        key=f"{prefix}/{made.file.name}",
        width=made.width,
        height=made.height,
        size=made.file.path.stat().st_size,
        sha256=sha256_of(made.file.path),
        content_type=made.file.content_type,
        profiles=made.profiles,
        at=made.at,
    )


def _rendition(rung: Rung) -> Rendition:
    return Rendition(rung.name, rung.width, rung.height, rung.max_bit_rate)
