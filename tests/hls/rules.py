"""Apple's HLS authoring rules that bytes alone can show (media.md 1.1).

Each check yields sentences about what is broken; none = the rule holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

import m3u8

from media_agents.boxes import Track, begins_with_idr, read_track

NEAR = 0.01
FRAME_MS = 1


@dataclass(frozen=True)
class Listed:
    """A media playlist with the track that its ranges lie in."""

    name: str
    text: str
    lines: m3u8.M3U8
    media: Path
    track: Track | None

    @property
    def seconds(self) -> float:
        return sum(each.duration for each in self.lines.segments)

    @property
    def rates(self) -> list[float]:
        return [8 * size / seconds for size, seconds in self.sizes]

    @property
    def sizes(self) -> list[tuple[int, float]]:
        return [
            (int(each.byterange.partition("@")[0]), each.duration)
            for each in self.lines.segments
        ]

    @property
    def average(self) -> float:
        return 8 * sum(size for size, _ in self.sizes) / self.seconds


@dataclass(frozen=True)
class Presentation:
    text: str
    master: m3u8.M3U8
    pictures: list[Listed]
    keys: list[Listed]
    sounds: list[Listed]
    words: list[Listed]


def read(master: Path) -> Presentation:
    text = master.read_text()
    listed = m3u8.loads(text)
    folder = master.parent
    media = [(each.type, each.uri) for each in listed.media]
    return Presentation(
        text=text,
        master=listed,
        pictures=[_listed(folder, each.uri) for each in listed.playlists],
        keys=[_listed(folder, each.uri) for each in listed.iframe_playlists],
        sounds=[_listed(folder, uri) for kind, uri in media if kind == "AUDIO"],
        words=[_listed(folder, uri) for kind, uri in media if kind == "SUBTITLES"],
    )


def _listed(folder: Path, uri: str) -> Listed:
    text = (folder / uri).read_text()
    found = m3u8.loads(text)
    media = folder / found.segments[0].uri
    track = read_track(media) if media.suffix == ".mp4" else None
    return Listed(uri, text, found, media, track)


Check: TypeAlias = Callable[[Presentation], Iterator[str]]


class Rule(NamedTuple):
    clause: str
    sentence: str
    check: Check


def codecs(shown: Presentation) -> Iterator[str]:
    for variant in shown.master.playlists:
        first = str(variant.stream_info.codecs).split(",", maxsplit=1)[0]
        if not first.startswith("avc1.") or int(first[5:7], 16) > 100:
            yield f"{variant.uri} has {first}"
        elif int(first[9:11], 16) > 42:
            yield f"{variant.uri} has level {int(first[9:11], 16)}"


def attributes(shown: Presentation) -> Iterator[str]:
    for variant in shown.master.playlists:
        told = variant.stream_info
        for name in ("bandwidth", "average_bandwidth", "resolution", "frame_rate"):
            if not getattr(told, name):
                yield f"{variant.uri} lacks {name}"
        if told.frame_rate and told.frame_rate > 60:
            yield f"{variant.uri} has {told.frame_rate} frames a second"


def bandwidths(shown: Presentation) -> Iterator[str]:
    """Measured and declared within one hundredth; Apple allows a tenth."""
    peak = max((max(each.rates) for each in shown.sounds), default=0)
    average = max((each.average for each in shown.sounds), default=0)
    for variant, listed in zip(shown.master.playlists, shown.pictures, strict=True):
        told = variant.stream_info
        for name, declared, measured in (
            ("BANDWIDTH", told.bandwidth, max(listed.rates) + peak),
            ("AVERAGE-BANDWIDTH", told.average_bandwidth, listed.average + average),
        ):
            if abs(declared - measured) > NEAR * measured:
                yield f"{listed.name}: {name} {declared}, measured {measured:.0f}"


def aspects(shown: Presentation) -> Iterator[str]:
    sizes = [each.stream_info.resolution for each in shown.master.playlists]
    ratios = [width / height for width, height in sizes]
    # Sides are even numbers, so small rungs are off by a pixel.
    if max(ratios) - min(ratios) > 0.01 * max(ratios):
        yield f"aspect ratios from {min(ratios):.3f} to {max(ratios):.3f}"


def starts(shown: Presentation) -> Iterator[str]:
    for listed in shown.pictures:
        track = listed.track
        if track is None:
            yield f"{listed.name} has no track"
            continue
        if not all(begins_with_idr(listed.media, each) for each in track.fragments):
            yield f"{listed.name}: a fragment does not begin with an IDR"
        if track.fragments[0].decode_time != 0:
            yield f"{listed.name} begins at {track.fragments[0].decode_time}"


def continuous(shown: Presentation) -> Iterator[str]:
    for listed in (*shown.pictures, *shown.sounds):
        parts = listed.track.fragments if listed.track else ()
        for one, two in pairwise(parts):
            if one.decode_time + one.ticks != two.decode_time:
                yield f"{listed.name}: a hole before {two.decode_time}"


def aligned(shown: Presentation) -> Iterator[str]:
    def cuts(listed: Listed) -> list[float]:
        return [round(each.duration, 3) for each in listed.lines.segments]

    for listed in shown.pictures[1:]:
        if cuts(listed) != cuts(shown.pictures[0]):
            yield f"{listed.name} is cut at other times"


def segments(shown: Presentation) -> Iterator[str]:
    for listed in (*shown.pictures, *shown.sounds):
        target = listed.lines.target_duration or 0
        longest = max(each.duration for each in listed.lines.segments)
        if target > 6 or longest > target + 0.5:
            yield f"{listed.name}: target {target}, longest {longest:.3f}"


def lengths(shown: Presentation) -> Iterator[str]:
    whole = shown.pictures[0].seconds
    for listed in shown.pictures:
        real = listed.track.seconds if listed.track else 0.0
        if abs(listed.seconds - real) > 0.04:
            yield f"{listed.name} lists {listed.seconds:.3f} of {real:.3f} s"
    for listed in (*shown.sounds, *shown.words):
        if abs(listed.seconds - whole) > 0.1:
            yield f"{listed.name} lasts {listed.seconds:.3f}, the picture {whole:.3f} s"


def key_lists(shown: Presentation) -> Iterator[str]:
    if len(shown.keys) != len(shown.pictures):
        yield f"{len(shown.keys)} I-frame playlists for {len(shown.pictures)} variants"
    for listed in shown.keys:
        if not listed.lines.is_i_frames_only:
            yield f"{listed.name} does not say I-FRAMES-ONLY"
        size = listed.media.stat().st_size
        for each in listed.lines.segments:
            length, _, offset = each.byterange.partition("@")
            if int(offset) + int(length) > size:
                yield f"{listed.name} names bytes beyond its file"


def kinds(shown: Presentation) -> Iterator[str]:
    if not shown.master.is_independent_segments:
        yield "the master lacks INDEPENDENT-SEGMENTS"
    for each in shown.master.media:
        if not each.language:
            yield f"{each.uri} has no LANGUAGE"
    for listed in (*shown.pictures, *shown.sounds, *shown.keys):
        if listed.lines.playlist_type != "vod" or not listed.lines.is_endlist:
            yield f"{listed.name} is not a whole VOD playlist"
        if "#EXT-X-MAP:" not in listed.text:
            yield f"{listed.name} has no EXT-X-MAP"


def words(shown: Presentation) -> Iterator[str]:
    for listed in shown.words:
        if "X-TIMESTAMP-MAP=" not in listed.media.read_text():
            yield f"{listed.media.name} has no X-TIMESTAMP-MAP"


def sounds(shown: Presentation) -> Iterator[str]:
    for listed in shown.sounds:
        if listed.track is None or listed.track.codec != "mp4a.40.2":
            yield f"{listed.name} is not AAC-LC"


RULES: tuple[Rule, ...] = (
    Rule("1.2-1.5, 1.10, 1.11", "H.264 up to High 4.2, parameters in avc1", codecs),
    Rule("1.26, 1.27, 9.13", "bandwidths are those of the bytes", bandwidths),
    Rule("1.33", "one aspect ratio", aspects),
    Rule("2.3", "stereo AAC", sounds),
    Rule("5.2-5.7", "WebVTT with its time stamp map", words),
    Rule("6.1, 6.8, 6.10", "I-frame playlists", key_lists),
    Rule("7.3", "decode times without a hole", continuous),
    Rule("7.4", "segments begin with an IDR, the first at 0", starts),
    Rule("7.5-7.7", "segments of six seconds at most", segments),
    Rule("8.1-8.7", "lengths agree", lengths),
    Rule("8.6, 8.10, 8.20, 9.11", "VOD, EXT-X-MAP, languages, independent", kinds),
    Rule("8.22", "all renditions are cut at the same times", aligned),
    Rule("9.1, 9.2, 9.14, 9.15", "every attribute is there", attributes),
)


def broken(master: Path) -> list[str]:
    shown = read(master)
    return [f"{rule.clause}: {word}" for rule in RULES for word in rule.check(shown)]
