"""Copies encoded tracks into the files that are delivered; nothing is encoded."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from media_agents.boxes import Track as Fragments
from media_agents.boxes import read_track
from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.labelling import arguments, moving
from media_agents.planning import Track
from media_agents.transcode import Renditions

AUDIO_FRAGMENT_US = "2000000"
# Of ISO 639-1 what an MP4 spells with three letters; the rest goes as it is.
LETTERS = {"zh": "chi", "en": "eng", "ja": "jpn", "ko": "kor", "fr": "fra",
           "de": "deu", "es": "spa", "ru": "rus", "pt": "por", "it": "ita"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OutputFile:
    """`name` is relative to the video's prefix; `order` is the order to publish."""

    name: str
    path: Path
    content_type: str
    order: int


def named_by_content(
    path: Path, stem: str, content_type: str, order: int
) -> OutputFile:
    """Renames the file in place to `<stem>-<hash><suffix>`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = f"{stem}-{digest[:16]}{path.suffix}"
    return OutputFile(name, path.rename(path.with_name(name)), content_type, order)


async def fragmented(
    path: Path, stem: str, content_type: str, engine: Engine
) -> tuple[OutputFile, Fragments]:
    target = path.with_name(f"fragmented-{stem}.mp4")
    # delay_moov writes an edit list; without it playback starts 66 ms late.
    flags = "+frag_keyframe+delay_moov+default_base_moof"
    sound = content_type.startswith("audio/")
    cut = ["-frag_duration", AUDIO_FRAGMENT_US] if sound else []
    await _copy(engine, [path], ["-movflags", flags, *cut, f"file:{target}"])
    track = await asyncio.to_thread(read_track, target)
    named = await asyncio.to_thread(named_by_content, target, stem, content_type, 0)
    return named, track


async def progressive(
    made: Renditions, out_dir: Path, engine: Engine, *, edit_list: bool = True
) -> OutputFile:
    """The best rung with every track of sound and words, the index in front.

    Without `edit_list` the first 21 ms of sound, which no player would hear, are heard.
    """
    sounds, words = made.sounds, made.captions
    inputs = [made.videos[0][1], *(p for _, p in sounds), *(p for _, p in words)]
    target = out_dir / "video.mp4"
    tags = [*_languages("a", [t for t, _ in sounds])]
    tags += _languages("s", [t for t, _ in words])
    text = ["-c:s", "mov_text"] if words else []
    edits = [] if edit_list else ["-use_editlist", "0"]
    told = [*arguments(made.labels), "-movflags", f"+faststart{moving(made.labels)}"]
    options = [*text, *tags, *edits, *told, f"file:{target}"]
    await _copy(engine, inputs, options)
    return await asyncio.to_thread(named_by_content, target, "video", "video/mp4", 0)


def _languages(kind: str, tracks: list[Track]) -> list[str]:
    return [
        part
        for number, track in enumerate(tracks)
        if track.language
        for part in (
            f"-metadata:s:{kind}:{number}",
            f"language={LETTERS.get(track.language, track.language)}",
        )
    ]


async def _copy(engine: Engine, inputs: list[Path], options: list[str]) -> None:
    sources = [part for path in inputs for part in ("-i", f"file:{path}")]
    maps = [part for n in range(len(inputs)) for part in ("-map", f"{n}:0")]
    exact = ("-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "mp4")
    await encode(
        engine, [*sources, *maps, *exact, *options], progress=Progress(0, None)
    )
