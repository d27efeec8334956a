"""Writes and reads HLS playlists over single files with byte ranges; no I/O."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from media_agents.boxes import Fragment, Track

SEGMENT_SECONDS = 6.0
# 29.97 fps makes three two-second GOPs last 6.006 s.
_ROUNDING = 0.05
# The first variant is the one players start with; about 2 Mbit/s suits most.
START_BIT_RATE = 2_000_000
AUDIO_GROUP = "sound"
WORDS_GROUP = "words"


@dataclass(frozen=True, slots=True)
class Segment:
    offset: int
    size: int
    seconds: float

    @property
    def bit_rate(self) -> float:
        return self.size * 8 / self.seconds


@dataclass(frozen=True, slots=True)
class Stream:
    """One file of the presentation as the playlists see it."""

    uri: str
    init_size: int
    codec: str
    segments: tuple[Segment, ...]
    key_frames: tuple[Segment, ...] = ()

    @property
    def seconds(self) -> float:
        return sum(s.seconds for s in self.segments)

    @property
    def peak(self) -> int:
        return round(max(s.bit_rate for s in self.segments))

    @property
    def average(self) -> int:
        return round(sum(s.size for s in self.segments) * 8 / self.seconds)


@dataclass(frozen=True, slots=True)
class Variant:
    stream: Stream
    size: tuple[int, int]
    frame_rate: float
    playlist: str
    key_playlist: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One track of sound; the first of a presentation is its default."""

    stream: Stream
    playlist: str
    language: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """One track of subtitles; `file` is a WebVTT file, `playlist` lists it."""

    file: str
    playlist: str
    language: str = ""
    title: str = ""


def stream_of(uri: str, track: Track) -> Stream:
    groups: list[list[Fragment]] = []
    limit = (SEGMENT_SECONDS + _ROUNDING) * track.timescale
    for fragment in track.fragments:
        if groups and sum(f.ticks for f in groups[-1]) + fragment.ticks <= limit:
            groups[-1].append(fragment)
        else:
            groups.append([fragment])
    keys = tuple(
        Segment(f.offset, f.key_size, f.ticks / track.timescale)
        for f in track.fragments
    )
    segments = tuple(_segment(group, track.timescale) for group in groups)
    return Stream(uri, track.init_size, track.codec, segments, keys)


def _segment(group: list[Fragment], timescale: int) -> Segment:
    return Segment(
        group[0].offset,
        sum(f.size for f in group),
        sum(f.ticks for f in group) / timescale,
    )


def media_playlist(stream: Stream) -> str:
    return _listing(stream, stream.segments, ())


def key_playlist(stream: Stream) -> str:
    return _listing(stream, stream.key_frames, ("#EXT-X-I-FRAMES-ONLY",))


def _listing(
    stream: Stream, segments: Sequence[Segment], extra: tuple[str, ...]
) -> str:
    longest = max(round(s.seconds) for s in segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, longest)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        *extra,
        f'#EXT-X-MAP:URI="{stream.uri}",BYTERANGE="{stream.init_size}@0"',
    ]
    for segment in segments:
        lines.append(f"#EXTINF:{segment.seconds:.6f},")
        lines.append(f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}")
        lines.append(stream.uri)
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def words_playlist(file: str, seconds: float) -> str:
    """The whole programme as one segment."""
    return "\n".join(
        [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{max(1, ceil(seconds))}",
            "#EXT-X-PLAYLIST-TYPE:VOD",
            f"#EXTINF:{seconds:.6f},",
            file,
            "#EXT-X-ENDLIST",
            "",
        ]
    )


def master_playlist(
    variants: Sequence[Variant],
    sounds: Sequence[Heard] = (),
    words: Sequence[Words] = (),
) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_sound(each, default=not n) for n, each in enumerate(sounds)]
    lines += [words_rendition(each) for each in words]
    groups = _groups(sounds=bool(sounds), words=bool(words))
    first = sorted(variants, key=lambda v: abs(v.stream.average - START_BIT_RATE))[:1]
    for variant in [*first, *(v for v in variants if v not in first)]:
        lines += [_variant(variant, sounds, groups), variant.playlist]
    lines += [_key_variant(variant) for variant in variants]
    return "\n".join([*lines, ""])


def with_variant(
    master: str, name: str, variant: Variant, sounds: Sequence[Heard]
) -> str:
    """The master with this rendition in the place of the one that has its name.

    Its numbers are measured anew, and so is with which one players start; all that is
    said of the others stays as it was.
    """
    head, pairs, keys = _parts(master)
    words = any(line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES") for line in head)
    line = _variant(variant, sounds, _groups(sounds=bool(sounds), words=words))
    pairs[name] = (line, variant.playlist)
    keys[name] = _key_variant(variant)
    heard = max((each.stream.average for each in sounds), default=0)
    nearest = [abs(_average(pairs[n][0]) - heard - START_BIT_RATE) for n in keys]
    first = list(keys)[nearest.index(min(nearest))]
    shown = [pairs[n] for n in (first, *(n for n in keys if n != first))]
    lines = [*head, *(part for pair in shown for part in pair), *keys.values()]
    return "\n".join([*lines, ""])


def _parts(master: str) -> tuple[list[str], dict[str, tuple[str, str]], dict[str, str]]:
    """What stands first, and by the name of the rendition what is said of each."""
    lines = master.splitlines()
    is_variant = [line.startswith("#EXT-X-STREAM-INF:") for line in lines]
    starts = [place for place, found in enumerate(is_variant) if found]
    pairs = {_rendition(lines[n + 1]): (lines[n], lines[n + 1]) for n in starts}
    keys = {name: line for line in lines for name in _key_playlist_of(line)}
    return lines[: starts[0]], pairs, keys


def _rendition(playlist: str) -> str:
    """Names are `<rendition>-<hash>.m3u8`, with `-keys` for key frames alone."""
    return playlist.rpartition("-")[0].removesuffix("-keys")


def _key_playlist_of(line: str) -> dict[str, str]:
    if not line.startswith("#EXT-X-I-FRAME-STREAM-INF:"):
        return {}
    (uri,) = references(line)
    return {_rendition(uri): uri}


def key_playlists(master: str) -> dict[str, str]:
    """The playlist of key frames of each rendition, the best one first."""
    found: dict[str, str] = {}
    for line in master.splitlines():
        found |= _key_playlist_of(line)
    return found


def track_playlists(master: str, kind: str) -> tuple[str, ...]:
    """Of all tracks of a kind: `AUDIO` or `SUBTITLES`."""
    head = f"#EXT-X-MEDIA:TYPE={kind},"
    return tuple(
        uri
        for line in master.splitlines()
        if line.startswith(head)
        for uri in references(line)
    )


def _average(line: str) -> int:
    found = re.search(r"AVERAGE-BANDWIDTH=(\d+)", line)
    return int(found[1]) if found else 0


def _sound(heard: Heard, *, default: bool) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{AUDIO_GROUP}",{_named(heard)},'
        f"DEFAULT={'YES' if default else 'NO'},AUTOSELECT=YES,"
        f'CHANNELS="2",URI="{heard.playlist}"'
    )


def words_rendition(words: Words) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="{WORDS_GROUP}",{_named(words)},'
        f'DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="{words.playlist}"'
    )


def _named(track: Heard | Words) -> str:
    """`title` and `language` must tell the tracks of a group apart."""
    language = track.language or "und"
    title = re.sub(r"[\"\r\n]", " ", track.title).strip()
    name = title or (language if track.language else "Original")
    return f'NAME="{name}",LANGUAGE="{language}"'


def _groups(*, sounds: bool, words: bool) -> list[str]:
    groups = [f'AUDIO="{AUDIO_GROUP}"'] if sounds else []
    return [*groups, *([f'SUBTITLES="{WORDS_GROUP}"'] if words else [])]


def _variant(variant: Variant, sounds: Sequence[Heard], groups: Sequence[str]) -> str:
    stream = variant.stream
    # The most that can be asked for at once: any one of the sounds goes with it.
    peak = max((each.stream.peak for each in sounds), default=0)
    average = max((each.stream.average for each in sounds), default=0)
    codecs = dict.fromkeys([stream.codec, *(each.stream.codec for each in sounds)])
    attributes = [
        f"BANDWIDTH={stream.peak + peak}",
        f"AVERAGE-BANDWIDTH={stream.average + average}",
        f'CODECS="{",".join(codecs)}"',
        f"RESOLUTION={_pixels(variant)}",
        f"FRAME-RATE={variant.frame_rate:.3f}",
        *groups,
        "CLOSED-CAPTIONS=NONE",
    ]
    return f"#EXT-X-STREAM-INF:{','.join(attributes)}"


def _pixels(variant: Variant) -> str:
    return f"{variant.size[0]}x{variant.size[1]}"


def _key_variant(variant: Variant) -> str:
    stream = variant.stream
    peak = round(max(k.bit_rate for k in stream.key_frames))
    average = round(sum(k.size for k in stream.key_frames) * 8 / stream.seconds)
    return (
        f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},"
        f'CODECS="{stream.codec}",RESOLUTION={_pixels(variant)},'
        f'URI="{variant.key_playlist}"'
    )


def read_segments(text: str) -> tuple[Segment, ...]:
    """Reads back what `media_playlist` and `key_playlist` write."""
    lengths = [float(s) for s in re.findall(r"^#EXTINF:([\d.]+),", text, re.MULTILINE)]
    ranges = re.findall(r"^#EXT-X-BYTERANGE:(\d+)@(\d+)$", text, re.MULTILINE)
    return tuple(
        Segment(int(offset), int(size), seconds)
        for seconds, (size, offset) in zip(lengths, ranges, strict=True)
    )


def references(text: str) -> tuple[str, ...]:
    """Every file a playlist names, in order, each once."""
    found = re.findall(r'URI="([^"]+)"|^([^#\s].*)$', text, re.MULTILINE)
    return tuple(dict.fromkeys(quoted or bare for quoted, bare in found))
