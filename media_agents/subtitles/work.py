"""The media jobs of subtitles: made of what is said, and put into finished videos."""

from pathlib import Path

from ai_adapter.transcription import Transcriber
from media_agents import errors
from media_agents.engines.ffmpeg import Engine
from media_agents.facts import Facts
from media_agents.probe import probe
from media_agents.recipes import publish_files
from media_agents.serving import is_public, video_prefix
from media_agents.storage import Storage
from media_agents.subtitles.keeping import Home, cues_in, keep, script_in
from media_agents.subtitles.listening import sound_of
from media_agents.subtitles.making import Made, from_hearing, from_script
from media_agents.subtitles.soft import Shown, muxed, streamed
from media_agents.subtitles.translating import used
from media_agents.workplace import Workplace, spoken
from schemas.jobs import (
    Captioned,
    CaptionInput,
    JobInput,
    JobResult,
    Subtitled,
    SubtitleInput,
    SubtitleText,
)
from streams.agents.work import Job, Report, Work


class Subtitler:
    """`scratch` must be on a disk with room for a video and its copy with words."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        transcriber: Transcriber | None,
        scratch: Path,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._transcriber = transcriber
        self._place = Workplace(storage, scratch)

    def work(self) -> dict[type[JobInput], Work]:
        return {SubtitleInput: self.subtitle, CaptionInput: self.caption}

    @spoken
    async def subtitle(self, job: Job, report: Report) -> JobResult:
        wanted = job.asked(SubtitleInput)
        async with self._place.folder() as folder:
            report(1, "download")
            path = await self._place.source(wanted.object_key, wanted.sha256, folder)
            facts = await probe(path, self._engine)
            upright = facts.height > facts.width
            report(10, "listen")
            made = await self._said(wanted, path, facts, folder, upright=upright)
            report(95, "keep")
            text = await keep(
                self._storage,
                Home(job.tenant, wanted.asset_id, wanted.language),
                made.cues,
                wanted.source,
                confidence=made.confidence,
                upright=upright,
            )
            low = made.confidence == "low"
            spent = used(made.usage)
            return Subtitled(text, made.provider, made.model_name, spent, degraded=low)

    async def _said(
        self,
        wanted: SubtitleInput,
        path: Path,
        facts: Facts,
        folder: Path,
        *,
        upright: bool,
    ) -> Made:
        if facts.sound is None:
            raise errors.MediaRefused(
                "no_sound", "the video has no sound", "Upload subtitles instead"
            )
        index, engine = facts.sound.index, self._engine
        sound = await sound_of(path, index, engine, facts.seconds, folder)
        tag = wanted.language
        if wanted.source == "asr":
            return await from_hearing(sound, tag, self._transcriber, upright=upright)
        key, sha256 = wanted.script_key, wanted.script_sha256
        script = await script_in(self._storage, key, sha256)
        return await from_script(script, tag, sound, upright=upright)

    @spoken
    async def caption(self, job: Job, report: Report) -> JobResult:
        """The manifest goes last, so a player sees all of it or what was before."""
        wanted = job.asked(CaptionInput)
        if not wanted.texts:
            return _captioned(wanted, wanted.mp4_key, wanted.hls_key)
        async with self._place.folder() as folder:
            report(5, "download")
            source = await self._place.source(wanted.mp4_key, "", folder)
            shown = [await self._shown(each) for each in wanted.texts]
            report(40, "mux")
            files = [await muxed(source, shown, folder, self._engine)]
            if wanted.hls_key:
                seconds = (await probe(source, self._engine)).seconds
                master = (await self._storage.get_bytes(wanted.hls_key)).decode()
                files += streamed(master, shown, seconds, folder)
            report(80, "upload")
            public = is_public(wanted.mp4_key)
            prefix = video_prefix(job.tenant, wanted.video_id, public=public)
            await publish_files(self._storage, prefix, files)
            last = f"{prefix}/{files[-1].name}" if wanted.hls_key else ""
            return _captioned(wanted, f"{prefix}/{files[0].name}", last)

    async def _shown(self, text: SubtitleText) -> Shown:
        return Shown(text.language, (await cues_in(self._storage, text)).cues)


def _captioned(wanted: CaptionInput, mp4_key: str, hls_key: str) -> Captioned:
    return Captioned(wanted.video_id, mp4_key, hls_key, wanted.texts)
