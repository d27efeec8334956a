"""The media job that renders a timeline: fetch the files, compose, keep the film."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ai_adapter.speech import Speech
from media_agents.composing.compose import Bench, Composition, Wish, compose
from media_agents.engines.ffmpeg import Engine
from media_agents.pieces import PIECE_SECONDS
from media_agents.recipes import job_key
from media_agents.remembering import StoredPieces
from media_agents.storage import Storage, object_key, own_prefix
from media_agents.telling import media_facts
from media_agents.workplace import Workplace, sha256_of, spoken
from schemas.jobs import JobInput, JobResult, Rendered, RenderInput
from schemas.timeline import Material
from streams.agents.spending import spend
from streams.agents.work import Impossible, Job, Report, Work

# Goes up with whatever changes the bytes of a piece.
FILM = "film-1"


class Composer:
    """`scratch` must be on a disk with room for the sources and thrice the film."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        speech: Speech,
        scratch: Path,
        *,
        piece_seconds: int = PIECE_SECONDS,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._speech = speech
        self._place = Workplace(storage, scratch)
        self._piece_seconds = piece_seconds

    def work(self) -> dict[type[JobInput], Work]:
        return {RenderInput: self.render}

    @spoken
    async def render(self, job: Job, report: Report) -> JobResult:
        wanted = job.asked(RenderInput)
        async with self._place.folder() as folder:
            report(1, "download")
            files = await self._fetched(job.tenant, wanted.materials, folder)
            wish = Wish(
                timeline=wanted.document,
                destination=wanted.destination,
                producer=f"contentops:{job.tenant}",
            )
            pieces = self._pieces(job.tenant, wanted, wish)
            bench = Bench(
                self._engine,
                self._speech,
                folder,
                lambda percent: report(min(percent, 95), "compose"),
                pieces,
                self._piece_seconds,
            )
            film = await compose(wish, files, bench)
            report(97, "upload")
            made = await self._kept(job.tenant, wanted, film)
            await pieces.forget()
            return made

    def _pieces(self, tenant: str, wanted: RenderInput, wish: Wish) -> StoredPieces:
        """Below the asset's own place, under all that decides their bytes."""
        sources = sorted((each.name, each.sha256) for each in wanted.materials)
        recipe = (FILM, wish, sources, self._speech.abilities, self._piece_seconds)
        key = job_key("", recipe, self._engine.version)[:16]
        place = f"{tenant}/renders/{wanted.asset_id}/{key}"
        return StoredPieces(self._storage, place)

    async def _fetched(
        self, tenant: str, materials: Sequence[Material], folder: Path
    ) -> dict[str, Path]:
        """By the names the document uses; each is what it was when it was asked for."""
        found = {}
        for number, each in enumerate(materials):
            if not own_prefix(tenant, each.object_key):
                raise Impossible("object_foreign", f"{each.name} is not the tenant's")
            path = folder / f"source-{number}"
            key, sha256 = each.object_key, each.sha256
            found[each.name] = await self._place.fetched(key, sha256, path, each.name)
        return found

    async def _kept(
        self, tenant: str, wanted: RenderInput, film: Composition
    ) -> Rendered:
        """Named by its content below its own asset: the same film is one object."""
        path, kind = film.file.path, film.file.content_type
        sha256 = await asyncio.to_thread(sha256_of, path)
        size = await asyncio.to_thread(_size, path)
        place = f"{wanted.asset_id}/{sha256[:16]}"
        key = object_key(tenant, "assets", place, "film.mp4")
        await self._storage.upload(path, key, kind)
        spend(bytes_out=size)
        return Rendered(
            render_id=wanted.render_id,
            asset_id=wanted.asset_id,
            object_key=key,
            size=size,
            sha256=sha256,
            content_type=kind,
            facts=media_facts(film.facts, film.heard),
            cues=film.cues,
            weighted_seconds=film.weighted_seconds,
        )


def _size(path: Path) -> int:
    return path.stat().st_size
