"""What ffprobe says of a file, before anybody believes it.

Only local files under names of ours are opened, with a list of allowed protocols
and formats: a playlist dressed up as a video must not make us read anything else.
"""

from fractions import Fraction
from pathlib import Path

import msgspec
from msgspec import Struct

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import INPUT_GUARD, Engine, ask
from media_agents.errors import MediaRefused
from media_agents.facts import Caption, Sound

PROBE_LIMITS = Limits(seconds=120, cpu_seconds=120, memory_bytes=2 << 30)
PICTURE_CAPTIONS = frozenset(
    {"dvd_subtitle", "dvb_subtitle", "hdmv_pgs_subtitle", "xsub"}
)


class SideData(Struct, frozen=True):
    rotation: float = 0.0


class Stream(Struct, frozen=True):
    """Texts as ffprobe prints them; what it does not know is empty."""

    index: int
    codec_type: str = ""
    codec_name: str = ""
    profile: str = ""
    level: int = 0
    width: int = 0
    height: int = 0
    pix_fmt: str = ""
    bits_per_raw_sample: str = ""
    sample_aspect_ratio: str = ""
    avg_frame_rate: str = ""
    duration: str = ""
    bit_rate: str = ""
    field_order: str = ""
    color_range: str = ""
    color_space: str = ""
    color_transfer: str = ""
    color_primaries: str = ""
    channels: int = 0
    channel_layout: str = ""
    sample_rate: str = ""
    disposition: dict[str, int] = {}
    side_data_list: list[SideData] = []
    tags: dict[str, str] = {}

    @property
    def still(self) -> bool:
        """The picture in an MP3 or M4A is a video stream to FFmpeg."""
        return bool(self.disposition.get("attached_pic"))

    @property
    def turned(self) -> int:
        """Degrees, 0 to 359."""
        turns = [side.rotation for side in self.side_data_list if side.rotation]
        turn = turns[0] if turns else number(self.tags.get("rotate", "")) or 0.0
        return round(turn) % 360


class Format(Struct, frozen=True):
    format_name: str = ""
    duration: str = ""
    start_time: str = ""
    tags: dict[str, str] = {}


class Described(Struct, frozen=True):
    streams: list[Stream] = []
    format: Format = Format()

    @property
    def picture(self) -> Stream | None:
        """The first moving one."""
        moving = (s for s in self.streams if s.codec_type == "video" and not s.still)
        return next(moving, None)

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """The track that the file calls its default comes first."""
        found = [
            _sound(s) for s in self.streams if s.codec_type == "audio" and s.channels
        ]
        return tuple(sorted(found, key=lambda each: not each.default))

    @property
    def captions(self) -> tuple[Caption, ...]:
        return tuple(_caption(s) for s in self.streams if s.codec_type == "subtitle")


async def describe(path: Path, engine: Engine) -> Described:
    """Raises MediaRefused for what is no medium."""
    show = ("-show_format", "-show_streams", "-of", "json", f"file:{path}")
    guarded = ["-v", "error", *INPUT_GUARD, *show]
    try:
        found = await ask(engine.ffprobe, guarded, limits=PROBE_LIMITS)
        return msgspec.json.decode(found, type=Described)
    except (MediaRefused, msgspec.MsgspecError) as error:
        raise MediaRefused(
            "not_a_video",
            "the file is no video, sound or picture that we can read",
            "Upload MP4, MOV, MKV, WebM, AVI, MPEG-TS or FLV; export it again if "
            "it does not play elsewhere.",
        ) from error


def _sound(stream: Stream) -> Sound:
    return Sound(
        index=stream.index,
        codec=stream.codec_name,
        profile=stream.profile,
        channels=stream.channels,
        layout=stream.channel_layout,
        sample_rate=int(number(stream.sample_rate) or 0),
        bit_rate=int(number(stream.bit_rate) or 0),
        language=_language(stream),
        title=stream.tags.get("title", ""),
        default=bool(stream.disposition.get("default")),
    )


def _caption(stream: Stream) -> Caption:
    return Caption(
        index=stream.index,
        codec=stream.codec_name,
        language=_language(stream),
        title=stream.tags.get("title", ""),
        text=stream.codec_name not in PICTURE_CAPTIONS,
    )


def _language(stream: Stream) -> str:
    found = stream.tags.get("language", "")
    return "" if found == "und" else found


def ratio(text: str) -> Fraction | None:
    """`16:11` or `30000/1001`; None for nonsense and for zero."""
    over, _, under = text.replace("/", ":").partition(":")
    if not (over.isdigit() and under.isdigit() and int(over) and int(under)):
        return None
    return Fraction(int(over), int(under))


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
