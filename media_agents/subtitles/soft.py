"""Words beside the picture of a finished video: nothing of it is encoded again.

HLS: one WebVTT file for each language, listed in a new master; all else stays. MP4:
copied with tracks of `mov_text`.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.errors import MediaRefused
from media_agents.facts import Facts, Sound
from media_agents.labelling import arguments, moving
from media_agents.muxing import LETTERS, OutputFile, named_by_content
from media_agents.package import PLAYLIST_TYPE, WORDS_TYPE, timed
from media_agents.playlists import (
    WORDS_GROUP,
    Words,
    references,
    words_playlist,
    words_rendition,
)
from media_agents.probe import probe
from media_agents.subtitles.files import written
from media_agents.subtitles.rules import Cue, primary

NAMES = {
    "zh": "中文", "en": "English", "ja": "日本語", "ko": "한국어", "fr": "Français",
    "de": "Deutsch", "es": "Español", "pt": "Português", "ru": "Русский",
    "it": "Italiano",
}  # fmt: skip


class Shown(Struct, frozen=True):
    """What is shown in one language."""

    language: str
    cues: tuple[Cue, ...]

    @property
    def title(self) -> str:
        known = NAMES.get(primary(self.language), self.language)
        return f"{known} ({self.language})" if "-" in self.language else known


def streamed(
    master: str, shown: Sequence[Shown], seconds: float, folder: Path
) -> list[OutputFile]:
    """The files to add to a video in HLS; the new master is the last of them."""
    files: list[OutputFile] = []
    words: list[Words] = []
    for each in shown:
        path = folder / f"words-{each.language}.vtt"
        path.write_text(timed(written(each.cues, "vtt")), "utf-8")
        file = named_by_content(path, path.stem, WORDS_TYPE, 0)
        text = words_playlist(file.name, seconds)
        listed = _playlist(text, folder / f"words-{each.language}.m3u8", 1)
        words.append(Words(file.name, listed.name, each.language, each.title))
        files += [file, listed]
    text = with_words(master, words)
    _check(text, master, files)
    return [*files, _playlist(text, folder / "master.m3u8", 2)]


def _playlist(text: str, path: Path, order: int) -> OutputFile:
    path.write_text(text, "utf-8")
    return named_by_content(path, path.stem, PLAYLIST_TYPE, order)


def with_words(master: str, words: Sequence[Words]) -> str:
    """A track of the same language that came with the video gives way."""
    ours = {_letters(each.language) for each in words}
    lines = [line for line in master.splitlines() if not _gives_way(line, ours)]
    place = 1 + max(n for n, line in enumerate(lines) if _before_variants(line))
    lines[place:place] = [words_rendition(each) for each in words]
    return "\n".join([*(_grouped(line) for line in lines), ""])


def _gives_way(line: str, ours: set[str]) -> bool:
    told = re.search(r'LANGUAGE="([^"]*)"', line)
    words = line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES,")
    return words and told is not None and _letters(told[1]) in ours


def _before_variants(line: str) -> bool:
    heads = ("#EXTM3U", "#EXT-X-VERSION", "#EXT-X-INDEPENDENT", "#EXT-X-MEDIA:")
    return line.startswith(heads)


def _grouped(line: str) -> str:
    if not line.startswith("#EXT-X-STREAM-INF:") or "SUBTITLES=" in line:
        return line
    return f'{line},SUBTITLES="{WORDS_GROUP}"'


def _check(text: str, before: str, files: Sequence[OutputFile]) -> None:
    named, known = set(references(text)), {file.name for file in files}
    if not named <= known | set(references(before)):
        raise MediaRefused("bad_output", "the new master names files nobody made")


async def muxed(
    source: Path, shown: Sequence[Shown], folder: Path, engine: Engine
) -> OutputFile:
    """The same picture and sound, bit by bit, with words in tracks of their own."""
    facts = await probe(source, engine)
    paths = []
    for each in shown:
        path = folder / f"words-{each.language}.srt"
        path.write_text(written(each.cues, "srt"), "utf-8")
        paths.append(path)
    target = folder / "video.mp4"
    line = [*_copying(source, paths, facts, shown), f"file:{target}"]
    await encode(engine, line, progress=Progress(0, None))
    await _check_copy(target, facts, len(shown), engine)
    return await asyncio.to_thread(named_by_content, target, "video", "video/mp4", 0)


def _copying(
    source: Path, paths: Sequence[Path], facts: Facts, shown: Sequence[Shown]
) -> list[str]:
    ours = {_letters(each.language) for each in shown}
    kept = [each for each in facts.captions if _letters(each.language) not in ours]
    inputs = [part for path in (source, *paths) for part in ("-i", f"file:{path}")]
    maps = ["-map", "0:v:0", "-map", "0:a?"]
    maps += [part for each in kept for part in ("-map", f"0:{each.index}")]
    maps += [part for n in range(len(paths)) for part in ("-map", f"{n + 1}:0")]
    languages = [*(each.language for each in kept), *(each.language for each in shown)]
    tags = [part for n, tag in enumerate(languages) for part in _tagged(n, tag)]
    heard = [each.language for each in sorted(facts.sounds, key=_index)]
    tags += [part for n, tag in enumerate(heard) for part in _tagged(n, tag, "a")]
    edits = [] if facts.edit_list else ["-use_editlist", "0"]
    exact = ["-map_metadata", "-1", "-fflags", "+bitexact", "-f", "mp4"]
    codecs = ["-c", "copy", "-c:s", "mov_text"]
    told = [*arguments(facts.labels), "-movflags", f"+faststart{moving(facts.labels)}"]
    return [*inputs, *maps, *codecs, *tags, *exact, *edits, *told]


def _index(sound: Sound) -> int:
    return sound.index


def _tagged(number: int, tag: str, kind: str = "s") -> tuple[str, str]:
    return f"-metadata:s:{kind}:{number}", f"language={_letters(tag)}"


def _letters(tag: str) -> str:
    """MP4 spells a language with three letters; und is none."""
    short = primary(tag)
    return LETTERS.get(short, short if len(short) == 3 else "und")


async def _check_copy(target: Path, before: Facts, added: int, engine: Engine) -> None:
    facts = await probe(target, engine)
    same = (facts.frames, len(facts.sounds)) == (before.frames, len(before.sounds))
    same = same and facts.labels == before.labels
    if not same or len(facts.captions) < added:
        raise MediaRefused("bad_output", "the copy with words is not the same video")
