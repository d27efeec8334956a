"""Does a file fit as it is? For our own ladder (then it is copied), for a destination.

Our rules follow media.md 3.5: what a player is sure to play without being encoded
again. A destination's are its profile.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from media_agents.facts import Facts, Sound
from media_agents.profiles import Profile

LEVEL_MAX = 42
KEY_GAP_MAX_S = 4.0
RATE_MAX = 60
PLAIN_COLOURS = frozenset({"", "unknown", "bt709"})
# Timestamps are rounded: half a frame more is the same.
SLACK_S = 0.05


class Finding(Struct, frozen=True):
    """`field` is what was looked at; where it does not `fit`, `wanted` would."""

    field: str
    found: str
    wanted: str
    fit: bool = False

    def __str__(self) -> str:
        return f"{self.field} is {self.found}, wanted {self.wanted}"


def picture_copies(facts: Facts, cap: int) -> list[Finding]:
    """Why the picture cannot be copied into a ladder whose top rung has this cap."""
    return unfit(_picture(facts, cap))


def sound_copies(sound: Sound) -> list[Finding]:
    return unfit(_sound(sound))


def unfit(found: Iterable[Finding]) -> list[Finding]:
    return [each for each in found if not each.fit]


def _picture(facts: Facts, cap: int) -> Iterator[Finding]:
    yield from _one_of("video codec", facts.video_codec, ("h264",))
    yield from _one_of("pixel format", facts.pix_fmt, ("yuv420p",))
    yield from _at_most("level", facts.level, LEVEL_MAX)
    yield from _at_most("key frame distance", facts.key_gap_s, KEY_GAP_MAX_S + SLACK_S)
    yield from _at_most("frame rate", facts.fps, RATE_MAX)
    yield from _at_most("bit rate", facts.video_bit_rate or facts.bit_rate, cap)
    for name, is_so in (
        ("variable frame rate", facts.vfr),
        ("interlaced", facts.interlaced),
        ("high dynamic range", facts.hdr),
        ("rotation", facts.rotation != 0),
        ("pixel aspect ratio", facts.sar not in {"1:1", "1/1"}),
        ("full range", facts.color_range == "pc"),
        ("colours", facts.color_space not in PLAIN_COLOURS),
    ):
        yield Finding(name, "so" if is_so else "not so", "not so", not is_so)


def _sound(sound: Sound) -> Iterator[Finding]:
    yield from _one_of("audio codec", sound.codec, ("aac",))
    yield from _one_of("audio profile", sound.profile or "LC", ("LC",))
    yield from _at_most("channels", sound.channels, 2)
    yield from _one_of("sample rate", str(sound.sample_rate), ("44100", "48000"))


def fits(facts: Facts, profile: Profile) -> list[Finding]:
    """What the destination would refuse, or show worse than it could be."""
    return unfit(held_against(facts, profile))


def held_against(facts: Facts, profile: Profile) -> list[Finding]:
    """Every rule of the destination, beside what the file has."""
    return [*_file(facts, profile), *_frames(facts, profile), *_heard(facts, profile)]


def _file(facts: Facts, profile: Profile) -> Iterator[Finding]:
    yield from _one_of("container", facts.container, profile.containers)
    yield from _at_most("size", facts.bytes, profile.max_bytes)
    yield from _at_least("duration", facts.seconds, profile.min_seconds)
    yield from _at_most("duration", facts.seconds, profile.max_seconds)
    if profile.edit_list == "forbid":
        told = "there" if facts.edit_list else "none"
        yield Finding("edit list", told, "none", not facts.edit_list)


def _frames(facts: Facts, profile: Profile) -> Iterator[Finding]:
    yield from _one_of("video codec", facts.video_codec, profile.video_codecs)
    yield from _one_of("pixel format", facts.pix_fmt, profile.pixel_formats)
    yield from _at_most("width", facts.width, profile.max_width)
    yield from _at_most("height", facts.height, profile.max_height)
    if profile.min_short_side:
        short = min(facts.width, facts.height)
        yield from _at_least("short side", short, profile.min_short_side)
    yield from _at_most("frame rate", facts.fps, profile.max_fps)
    if profile.max_key_frame_s:
        gap = profile.max_key_frame_s + SLACK_S
        yield from _at_most("key frame distance", facts.key_gap_s, gap)
    if profile.max_peak_bit_rate:
        yield from _at_most("bit rate", facts.bit_rate, profile.max_peak_bit_rate)
    aspect = facts.width / facts.height
    if profile.max_aspect:
        yield from _at_least("aspect ratio", aspect, profile.min_aspect)
        yield from _at_most("aspect ratio", aspect, profile.max_aspect)


def _heard(facts: Facts, profile: Profile) -> Iterator[Finding]:
    sound = facts.sound
    if sound is None:
        return
    yield from _one_of("audio codec", sound.codec, profile.audio_codecs)
    yield from _at_most("channels", sound.channels, profile.max_channels)
    yield from _at_most("sample rate", sound.sample_rate, profile.max_sample_rate)
    if profile.max_audio_bit_rate:
        limit = profile.max_audio_bit_rate
        yield from _at_most("audio bit rate", sound.bit_rate, limit)


def _one_of(field: str, found: str, wanted: tuple[str, ...]) -> Iterator[Finding]:
    yield Finding(field, found or "unknown", " or ".join(wanted), found in wanted)


def _at_most(field: str, found: float, limit: float) -> Iterator[Finding]:
    yield Finding(field, _told(found), f"at most {_told(limit)}", found <= limit)


def _at_least(field: str, found: float, limit: float) -> Iterator[Finding]:
    yield Finding(field, _told(found), f"at least {_told(limit)}", found >= limit)


def _told(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"
