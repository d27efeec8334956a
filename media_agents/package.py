"""Packages encoded renditions by copy: HLS over single fMP4 files, and one MP4.

FFmpeg's own playlists declare wrong bandwidths, so they are written here from the
boxes. Every name carries a hash of its content: an object once published under it
can never be another file.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import msgspec

from media_agents.boxes import Track as Fragments
from media_agents.boxes import begins_with_idr
from media_agents.engines.ffmpeg import Engine, ask
from media_agents.errors import MediaRefused
from media_agents.muxing import OutputFile, fragmented, named_by_content, progressive
from media_agents.planning import Plan, Rung, Track
from media_agents.playlists import (
    Heard,
    Variant,
    Words,
    key_playlist,
    master_playlist,
    media_playlist,
    read_segments,
    references,
    stream_of,
    words_playlist,
)
from media_agents.transcode import Renditions

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
WORDS_TYPE = "text/vtt"
Picture: TypeAlias = tuple[Rung, OutputFile, Fragments]


@dataclass(frozen=True, slots=True)
class Package:
    files: tuple[OutputFile, ...]
    master: str
    progressive: str
    bit_rate: int
    rung_bit_rates: tuple[int, ...]
    duration_ms: int


class _Format(msgspec.Struct, frozen=True):
    duration: str = "0"


class _Seen(msgspec.Struct, frozen=True):
    codec_type: str = ""
    width: int = 0
    height: int = 0


class _Answer(msgspec.Struct, frozen=True):
    streams: list[_Seen] = []
    format: _Format = _Format()


async def package(
    made: Renditions, wanted: Plan, out_dir: Path, *, engine: Engine
) -> Package:
    """Raises `MediaRefused("bad_output")` unless what was written reads back."""
    pictures: list[Picture] = []
    for rung, path in made.videos:
        file, track = await fragmented(path, rung.name, "video/mp4", engine)
        pictures.append((rung, file, track))
    await asyncio.to_thread(_check_pictures, pictures, wanted)
    whole = await progressive(made, out_dir, engine)
    heard, sounds = await _sounds(made, out_dir, engine)
    words, captions = _captions(made, wanted.seconds, out_dir)
    variants, lists = listed(pictures, wanted, out_dir)
    text = master_playlist(variants, heard, words)
    master = written(text, out_dir / "master.m3u8", 2)
    media = [file for _, file, _ in pictures]
    files = (*media, *sounds, *captions, whole, *lists, master)
    seconds = pictures[0][2].seconds
    await check_master(files, seconds, engine)
    return Package(
        files=files,
        master=master.name,
        progressive=whole.name,
        bit_rate=round(whole.path.stat().st_size * 8 / seconds),
        rung_bit_rates=tuple(stream_of("", t).average for _, _, t in pictures),
        duration_ms=round(seconds * 1000),
    )


async def _sounds(
    made: Renditions, out_dir: Path, engine: Engine
) -> tuple[list[Heard], list[OutputFile]]:
    heard: list[Heard] = []
    files: list[OutputFile] = []
    for number, (track, path) in enumerate(made.sounds):
        stem = f"sound-{number}"
        file, found = await fragmented(path, stem, "audio/mp4", engine)
        stream = stream_of(file.name, found)
        listing = written(media_playlist(stream), out_dir / f"{stem}.m3u8", 1)
        title = track.title or _told_apart(made.sounds, number)
        heard.append(Heard(stream, listing.name, track.language, title))
        files += [file, listing]
    return heard, files


def _captions(
    made: Renditions, seconds: float, out_dir: Path
) -> tuple[list[Words], list[OutputFile]]:
    words: list[Words] = []
    files: list[OutputFile] = []
    for number, (track, path) in enumerate(made.captions):
        path.write_text(timed(path.read_text()))
        file = named_by_content(path, f"words-{number}", WORDS_TYPE, 0)
        text = words_playlist(file.name, seconds)
        listing = written(text, out_dir / f"words-{number}.m3u8", 1)
        title = track.title or _told_apart(made.captions, number)
        words.append(Words(file.name, listing.name, track.language, title))
        files += [file, listing]
    return words, files


def timed(text: str) -> str:
    """WebVTT whose clock is that of the picture; players need this line."""
    _, _, rest = text.partition("\n")
    return f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n{rest}"


def _told_apart(tracks: Sequence[tuple[Track, Path]], number: int) -> str:
    """A name for the second of two tracks that nothing else tells apart."""
    language = tracks[number][0].language
    alike = [t for t, _ in tracks[:number] if not t.title and t.language == language]
    return f"{language or 'Original'} {len(alike) + 1}" if alike else ""


def _check_pictures(pictures: Sequence[Picture], wanted: Plan) -> None:
    first = pictures[0][2]
    tracks = [track for _, _, track in pictures]
    if any(t.samples != first.samples or not t.fragments for t in tracks):
        raise broken("the renditions have different numbers of frames")
    frame = 1 / float(Fraction(wanted.frame_rate))
    # One frame of rounding at either end, half a second for odd last frames.
    if abs(first.seconds - wanted.seconds) > max(2 * frame, 0.5):
        raise broken(f"{first.seconds:.2f} s were made of {wanted.seconds:.2f} s")
    for _, file, track in pictures:
        check_picture(file, track)
        _check_aligned(first, track)


def check_picture(file: OutputFile, track: Fragments) -> None:
    """Raises `MediaRefused("bad_output")` for what no player could begin anywhere."""
    if not track.fragments:
        raise broken("it has no frames")
    _check_continuous(track)
    if not all(begins_with_idr(file.path, each) for each in track.fragments):
        raise broken("a segment does not begin with a picture of its own")


def _check_aligned(first: Fragments, other: Fragments) -> None:
    """Players change rungs at key frames, so all rungs have them at the same times."""
    pairs = zip(_starts(first), _starts(other), strict=False)
    same = len(first.fragments) == len(other.fragments)
    if not same or any(abs(a - b) > 0.001 for a, b in pairs):
        raise broken("key frames stand at different times")


def _starts(track: Fragments) -> list[float]:
    zero = track.fragments[0].decode_time
    return [(each.decode_time - zero) / track.timescale for each in track.fragments]


def _check_continuous(track: Fragments) -> None:
    # A hole in decode times stalls players although every fragment is whole.
    at = track.fragments[0].decode_time
    for fragment in track.fragments:
        if fragment.decode_time != at:
            raise broken("its fragments do not follow one another")
        at += fragment.ticks


def listed(
    pictures: Sequence[Picture], wanted: Plan, out_dir: Path
) -> tuple[list[Variant], list[OutputFile]]:
    variants: list[Variant] = []
    lists: list[OutputFile] = []
    rate = float(Fraction(wanted.frame_rate))
    for rung, file, track in pictures:
        stream = stream_of(file.name, track)
        shown = written(media_playlist(stream), out_dir / f"{rung.name}.m3u8", 1)
        keys = written(key_playlist(stream), out_dir / f"{rung.name}-keys.m3u8", 1)
        lists += [shown, keys]
        size = (rung.width, rung.height)
        variants.append(Variant(stream, size, rate, shown.name, keys.name))
    return variants, lists


def written(text: str, path: Path, order: int) -> OutputFile:
    path.write_text(text)
    return named_by_content(path, path.stem, PLAYLIST_TYPE, order)


def check_ranges(text: str, media: Path, *, whole: bool) -> float:
    """The playlist's seconds; its ranges must lie in the file, without a gap."""
    segments = read_segments(text)
    size = media.stat().st_size
    if not segments or any(s.offset + s.size > size for s in segments):
        raise broken("a playlist names bytes that are not there")
    pairs = pairwise(segments)
    if whole and any(a.offset + a.size != b.offset for a, b in pairs):
        raise broken("a playlist leaves out bytes")
    return sum(s.seconds for s in segments)


async def check_master(
    files: Sequence[OutputFile], seconds: float, engine: Engine
) -> None:
    """Raises `MediaRefused("bad_output")` unless the last of the files plays."""
    by_name = {file.name: file for file in files}
    for file in files:
        if file.order != 1:
            continue
        text = file.path.read_text()
        (media,) = references(text)
        if by_name[media].content_type == WORDS_TYPE:
            continue
        whole = "I-FRAMES-ONLY" not in text
        total = check_ranges(text, by_name[media].path, whole=whole)
        # Sound comes in frames of 21 ms and may overhang the picture by some.
        if abs(total - seconds) > 0.1:
            raise broken(f"{file.name} lasts {total:.2f} of {seconds:.2f} s")
    master = files[-1]
    answer = await _played(master.path, engine)
    pictures = {s.width for s in answer.streams if s.codec_type == "video"}
    named = references(master.path.read_text())
    if not pictures or 0 in pictures or not set(named) <= set(by_name):
        raise broken("the master playlist does not play")
    if abs(float(answer.format.duration) - seconds) > 0.1:
        raise broken("the master playlist has another duration")


async def _played(master: Path, engine: Engine) -> _Answer:
    show = ("-show_format", "-show_streams", "-of", "json", f"file:{master}")
    found = await ask(engine.ffprobe, ["-v", "error", *show])
    return msgspec.json.decode(found, type=_Answer)


def broken(why: str) -> MediaRefused:
    return MediaRefused("bad_output", f"the packaged video is not usable: {why}")
