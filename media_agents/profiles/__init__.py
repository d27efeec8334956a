"""What a destination takes: one JSON document each, with its source and its date."""

from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

FOLDER = Path(__file__).parent

Sides: TypeAlias = tuple[int, int]


class CoverShape(Struct, frozen=True, forbid_unknown_fields=True):
    """`width` in pixels is what we make of a source that has it; 0 = no bound known."""

    aspect: Sides
    width: int
    least_width: int = 0


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of what may be sent, and what we make of it; 0 = no bound is known.

    Rates in bits a second, lengths in seconds, the first of `covers` is the one that
    goes along with a publication. Loudness is ours where a platform publishes none.
    `checked` is when they were compared
    with a saved copy of `source`, `confidence` whose numbers they are.
    """

    name: str
    label: str
    source: str
    checked: str
    confidence: Literal["official", "unverified"]
    containers: tuple[str, ...]
    video_codecs: tuple[str, ...]
    audio_codecs: tuple[str, ...]
    pixel_formats: tuple[str, ...]
    max_bytes: int
    min_seconds: float = 0
    max_seconds: float
    max_width: int
    max_height: int
    min_short_side: int = 0
    min_aspect: float = 0
    max_aspect: float = 0
    max_fps: float
    max_peak_bit_rate: int = 0
    max_key_frame_s: float = 0
    max_audio_bit_rate: int = 0
    max_channels: int
    max_sample_rate: int
    short_side: int
    video_bit_rate: int
    audio_bit_rate: int = 192_000
    loudness_lufs: float = -14.0
    true_peak_db: float = -1.0
    watermark: Literal["allow", "forbid"]
    edit_list: Literal["allow", "forbid"]
    covers: tuple[CoverShape, ...]
    cover_formats: tuple[str, ...]
    cover_source: str
    cover_confidence: Literal["official", "unverified"]
    max_cover_bytes: int


@cache
def profiles() -> dict[str, Profile]:
    """By name; raises msgspec.ValidationError for a document with a wrong field."""
    found = [
        msgspec.json.decode(path.read_bytes(), type=Profile)
        for path in sorted(FOLDER.glob("*.json"))
    ]
    return {each.name: each for each in found}
