"""One rendition of a finished video made again; all else of it stays where it is.

Its key frames stand where those of the others do, or it is no result. The master
names the same files as before, but for those of this rendition.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from media_agents.boxes import Track as Fragments
from media_agents.boxes import read_track
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.finished import Finished
from media_agents.muxing import OutputFile, fragmented, progressive
from media_agents.package import (
    PLAYLIST_TYPE,
    broken,
    check_master,
    check_picture,
    listed,
    written,
)
from media_agents.planning import Plan, Rung, weighted_seconds
from media_agents.playlists import (
    Heard,
    Segment,
    Variant,
    master_playlist,
    read_segments,
    references,
    stream_of,
    with_variant,
)
from media_agents.recipes import make_video
from media_agents.subtitles.rules import Cue
from media_agents.transcode import PLAIN, Renditions, Terms, silent, transcode
from streams.agents.spending import spend

# Playlists round each length to a millionth of a second.
ROUNDED_S = 1e-6
ALIGNED_S = 0.001


@dataclass(frozen=True, slots=True)
class Again:
    """`files` are the rendition's own; `whole` is the MP4, if this is the best one.

    A file for a destination is whole and has no master.
    """

    files: tuple[OutputFile, ...]
    master: OutputFile | None
    whole: OutputFile | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Remaking:
    """From a source to one rendition of its video; `folder` is this job's alone."""

    source: Path
    folder: Path
    engine: Engine
    terms: Terms = PLAIN
    tell: Callable[[int], None] = silent

    async def file(self, wished: Sequence[str], burn: Sequence[Cue]) -> Again:
        """The one file a destination takes is its only rendition."""
        video = await make_video(
            self.source,
            self.folder,
            engine=self.engine,
            wished=wished,
            progress=self.tell,
            burn=burn,
            terms=self.terms,
        )
        whole = next(each for each in video.files if each.name == video.progressive)
        return Again((), None, whole, video.duration_ms / 1000)

    async def rendition(self, wanted: Plan, rung: Rung, before: Finished) -> Again:
        """Raises MediaRefused("bad_output") where it does not fit to the others."""
        try:
            return await self._make(wanted, rung, before)
        except MediaRefused as refused:
            if not wanted.copies or refused.code != "bad_output":
                raise
            # The others were not made beside a copied picture.
            return await self._make(replace(wanted, copies=False), rung, before)

    async def _make(self, wanted: Plan, rung: Rung, before: Finished) -> Again:
        best = next(iter(before.keys)) == rung.name
        made = await self._encode(alone(wanted, rung, best=best))
        file, track = await fragmented(made, rung.name, "video/mp4", self.engine)
        check_picture(file, track)
        (variant,), lists = listed([(rung, file, track)], wanted, self.folder)
        others = [text for name, text in before.keys.items() if name != rung.name]
        check_beside(variant, others)
        files = (file, *lists)
        master = await self._master(rung, variant, files, before)
        whole = await self._whole(wanted, (rung, made), before) if best else None
        return Again(files, master, whole, track.seconds)

    async def _encode(self, wanted: Plan) -> Path:
        made = await transcode(
            self.source,
            wanted,
            self.folder,
            engine=self.engine,
            progress=self.tell,
            terms=self.terms,
        )
        weighted = weighted_seconds(wanted)
        spend(media_seconds=wanted.seconds, weighted_seconds=weighted)
        return made.videos[-1][1]

    async def _master(
        self,
        rung: Rung,
        variant: Variant,
        files: Sequence[OutputFile],
        before: Finished,
    ) -> OutputFile:
        """Played with the sounds: the other renditions were when they were made."""
        heard = [_heard(*each) for each in before.sounds]
        there = [_there(path) for pair in before.sounds for path in pair]
        alone_ = master_playlist([variant], heard)
        trial = written(alone_, self.folder / "trial.m3u8", 2)
        seconds = variant.stream.seconds
        await check_master([*files, *there, trial], seconds, self.engine)
        text = with_variant(before.master, rung.name, variant, heard)
        _check_names(text, before.master, variant)
        return written(text, self.folder / "master.m3u8", 2)

    async def _whole(
        self, wanted: Plan, picture: tuple[Rung, Path], before: Finished
    ) -> OutputFile:
        """Sounds and words are those of the video, told as its source tells them."""
        found = (len(before.sounds), len(before.words))
        if found != (len(wanted.sounds), len(wanted.captions)):
            raise broken("the video has other tracks than its source")
        heard, words = ([m for m, _ in each] for each in (before.sounds, before.words))
        parts = Renditions(
            videos=(picture,),
            sounds=tuple(zip(wanted.sounds, heard, strict=True)),
            captions=tuple(zip(wanted.captions, words, strict=True)),
            labels=wanted.labels,
        )
        edits = wanted.edit_list
        return await progressive(parts, self.folder, self.engine, edit_list=edits)


def alone(wanted: Plan, rung: Rung, *, best: bool) -> Plan:
    """This rung, and before it a copied picture, whose key frames it needs.

    It is scaled through the same sizes as when all were made.
    """
    beside = () if best or not wanted.copies else wanted.rungs[:1]
    names = [each.name for each in wanted.encoded]
    larger = names.index(rung.name) if rung.name in names else 0
    through = wanted.encoded[:larger]
    rungs = (*beside, rung)
    return replace(wanted, rungs=rungs, sounds=(), captions=(), through=through)


def check_beside(made: Variant, others: Sequence[str]) -> None:
    """Players change rungs at key frames, so all rungs have them at the same times."""
    mine = made.stream.key_frames
    for text in others:
        theirs = read_segments(text)
        if len(mine) != len(theirs) or _apart(mine, theirs):
            raise broken("its key frames stand at other times than those of the others")


def _apart(mine: Sequence[Segment], theirs: Sequence[Segment]) -> bool:
    difference = 0.0
    for number, (one, other) in enumerate(zip(mine, theirs, strict=True), 1):
        difference += one.seconds - other.seconds
        if abs(difference) > ALIGNED_S + number * ROUNDED_S:
            return True
    return False


def _heard(media: Path, playlist: Path) -> Heard:
    track: Fragments = read_track(media)
    return Heard(stream_of(media.name, track), playlist.name)


def _there(path: Path) -> OutputFile:
    playlist = path.suffix == ".m3u8"
    kind = PLAYLIST_TYPE if playlist else "audio/mp4"
    return OutputFile(path.name, path, kind, int(playlist))


def _check_names(text: str, before: str, variant: Variant) -> None:
    new = {variant.playlist, variant.key_playlist}
    named, known = set(references(text)), set(references(before))
    if not new <= named or len(named) != len(known) or not named <= known | new:
        raise broken("the new master does not name the same renditions")
