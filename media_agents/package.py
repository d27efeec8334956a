"""Packages encoded renditions by copy: HLS over single fMP4 files, and one MP4.

FFmpeg's own playlists declare wrong bandwidths, so they are written here from the
boxes. Every name carries a hash of its content: an object once published under it
can never be another file.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec

from media_agents.boxes import Track, read_track
from media_agents.engines.ffmpeg import Engine, Progress, ask, encode
from media_agents.errors import MediaRefused
from media_agents.playlists import (
    Stream,
    Variant,
    key_playlist,
    master_playlist,
    media_playlist,
    read_segments,
    references,
    stream_of,
)
from media_agents.transcode import Plan, Renditions, Rung

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
AUDIO_FRAGMENT_US = "2000000"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class OutputFile:
    """`name` is relative to the video's prefix; `order` is the order to publish."""

    name: str
    path: Path
    content_type: str
    order: int


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
    tracks: list[tuple[Rung, OutputFile, Track]] = []
    for rung, path in made.videos:
        file, track = await _fragmented(path, rung.name, "video/mp4", engine)
        tracks.append((rung, file, track))
    audio = None
    if made.audio:
        audio = await _fragmented(made.audio, "audio", "audio/mp4", engine)
    _check_tracks([track for _, _, track in tracks], wanted)
    progressive = await _progressive(made, out_dir, engine)
    rate = float(Fraction(wanted.frame_rate))
    lists, master = _playlists(tracks, audio, rate, out_dir)
    media = [file for _, file, _ in tracks] + ([audio[0]] if audio else [])
    files = (*media, progressive, *lists, master)
    seconds = tracks[0][2].seconds
    await _check_master(files, seconds, engine)
    size = progressive.path.stat().st_size
    return Package(
        files=files,
        master=master.name,
        progressive=progressive.name,
        bit_rate=round(size * 8 / seconds),
        rung_bit_rates=tuple(stream_of("", t).average for _, _, t in tracks),
        duration_ms=round(seconds * 1000),
    )


def named_by_content(
    path: Path, stem: str, content_type: str, order: int
) -> OutputFile:
    """Renames the file in place to `<stem>-<hash><suffix>`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    name = f"{stem}-{digest.hexdigest()[:16]}{path.suffix}"
    return OutputFile(name, path.rename(path.with_name(name)), content_type, order)


async def _copy(engine: Engine, inputs: list[Path], options: list[str]) -> None:
    sources = [part for path in inputs for part in ("-i", f"file:{path}")]
    maps = [part for n in range(len(inputs)) for part in ("-map", f"{n}:0")]
    exact = ("-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "mp4")
    await encode(
        engine, [*sources, *maps, *exact, *options], progress=Progress(0, None)
    )


async def _fragmented(
    path: Path, stem: str, content_type: str, engine: Engine
) -> tuple[OutputFile, Track]:
    target = path.with_name(f"fragmented-{stem}.mp4")
    # delay_moov writes an edit list; without it playback starts 66 ms late.
    flags = "+frag_keyframe+delay_moov+default_base_moof"
    cut = ["-frag_duration", AUDIO_FRAGMENT_US] if stem == "audio" else []
    await _copy(engine, [path], ["-movflags", flags, *cut, f"file:{target}"])
    track = await asyncio.to_thread(read_track, target)
    named = await asyncio.to_thread(named_by_content, target, stem, content_type, 0)
    return named, track


async def _progressive(made: Renditions, out_dir: Path, engine: Engine) -> OutputFile:
    inputs = [made.videos[0][1]] + ([made.audio] if made.audio else [])
    target = out_dir / "video.mp4"
    await _copy(engine, inputs, ["-movflags", "+faststart", f"file:{target}"])
    return await asyncio.to_thread(named_by_content, target, "video", "video/mp4", 0)


def _check_tracks(tracks: list[Track], wanted: Plan) -> None:
    first = tracks[0]
    if any(t.samples != first.samples or not t.fragments for t in tracks):
        raise _broken("the renditions have different numbers of frames")
    frame = 1 / float(Fraction(wanted.frame_rate))
    expected = wanted.duration_ms / 1000
    # One frame of rounding at either end, half a second for odd last frames.
    if abs(first.seconds - expected) > max(2 * frame, 0.5):
        raise _broken(f"{first.seconds:.2f} s were made of {expected:.2f} s")
    for track in tracks:
        _check_continuous(track)


def _check_continuous(track: Track) -> None:
    # A hole in decode times stalls players although every fragment is whole.
    at = track.fragments[0].decode_time
    for fragment in track.fragments:
        if fragment.decode_time != at:
            raise _broken("its fragments do not follow one another")
        at += fragment.ticks


def _playlists(
    tracks: list[tuple[Rung, OutputFile, Track]],
    audio: tuple[OutputFile, Track] | None,
    rate: float,
    out_dir: Path,
) -> tuple[list[OutputFile], OutputFile]:
    lists: list[OutputFile] = []
    variants: list[Variant] = []
    for rung, file, track in tracks:
        stream = stream_of(file.name, track)
        shown = _media_list(stream, out_dir / f"{rung.name}.m3u8")
        keys = _written(key_playlist(stream), out_dir / f"{rung.name}-keys.m3u8", 1)
        lists += [shown, keys]
        size = (rung.width, rung.height)
        variants.append(Variant(stream, size, rate, shown.name, keys.name))
    sound = None
    if audio:
        stream = stream_of(audio[0].name, audio[1])
        lists.append(_media_list(stream, out_dir / "audio.m3u8"))
        sound = (stream, lists[-1].name)
    master = _written(master_playlist(variants, sound), out_dir / "master.m3u8", 2)
    return lists, master


def _media_list(stream: Stream, path: Path) -> OutputFile:
    return _written(media_playlist(stream), path, 1)


def _written(text: str, path: Path, order: int) -> OutputFile:
    path.write_text(text)
    return named_by_content(path, path.stem, PLAYLIST_TYPE, order)


def check_ranges(text: str, media: Path, *, whole: bool) -> float:
    """The playlist's seconds; its ranges must lie in the file, without a gap."""
    segments = read_segments(text)
    size = media.stat().st_size
    if not segments or any(s.offset + s.size > size for s in segments):
        raise _broken("a playlist names bytes that are not there")
    pairs = pairwise(segments)
    if whole and any(a.offset + a.size != b.offset for a, b in pairs):
        raise _broken("a playlist leaves out bytes")
    return sum(s.seconds for s in segments)


async def _check_master(
    files: tuple[OutputFile, ...], seconds: float, engine: Engine
) -> None:
    by_name = {file.name: file for file in files}
    for file in files:
        if file.order != 1:
            continue
        text = file.path.read_text()
        (media,) = references(text)
        whole = "I-FRAMES-ONLY" not in text
        total = check_ranges(text, by_name[media].path, whole=whole)
        # Sound comes in frames of 21 ms and may overhang the picture by some.
        if abs(total - seconds) > 0.1:
            raise _broken(f"{file.name} lasts {total:.2f} of {seconds:.2f} s")
    master = files[-1]
    answer = await _played(master.path, engine)
    pictures = {s.width for s in answer.streams if s.codec_type == "video"}
    named = references(master.path.read_text())
    if not pictures or 0 in pictures or not set(named) <= set(by_name):
        raise _broken("the master playlist does not play")
    if abs(float(answer.format.duration) - seconds) > 0.1:
        raise _broken("the master playlist has another duration")


async def _played(master: Path, engine: Engine) -> _Answer:
    show = ("-show_format", "-show_streams", "-of", "json", f"file:{master}")
    found = await ask(engine.ffprobe, ["-v", "error", *show])
    return msgspec.json.decode(found, type=_Answer)


def _broken(why: str) -> MediaRefused:
    return MediaRefused("bad_output", f"the packaged video is not usable: {why}")
