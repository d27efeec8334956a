"""Reads the facts of a video file and refuses what we must not or cannot transcode.

Only local files under names of ours are opened, with a list of allowed protocols
and formats: a playlist dressed up as a video must not make us read anything else.
"""

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec

from media_agents.engines.ffmpeg import INPUT_GUARD, MAX_PIXELS, Engine, Limits, ask
from media_agents.errors import MediaRefused

MAX_SECONDS = 4 * 3600
MAX_BYTES = 32 << 30
MAX_SIDE = 8192
MIN_SIDE = 16
MAX_GAP_SECONDS = 60.0
HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}
_VIDEO_CODECS = (
    "h264 hevc vp8 vp9 av1 mpeg1video mpeg2video mpeg4 msmpeg4v3 h263 flv1 mjpeg "
    "prores dnxhd ffv1 theora vc1 wmv2 wmv3 gif apng rawvideo"
)
_AUDIO_CODECS = (
    "aac mp3 mp2 opus vorbis flac alac ac3 eac3 dts wmav1 wmav2 wmapro amr_nb "
    "amr_wb pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_f32le pcm_u8 "
    "pcm_alaw pcm_mulaw adpcm_ms adpcm_ima_wav"
)
VIDEO_CODECS = frozenset(_VIDEO_CODECS.split())
AUDIO_CODECS = frozenset(_AUDIO_CODECS.split())
_PROBE_LIMITS = Limits(seconds=120, cpu_seconds=120, memory_bytes=2 << 30)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Width and height are those seen after rotation; `sar` goes with them."""

    duration_ms: int
    width: int
    height: int
    rotation: int
    sar: str
    fps: float
    frame_rate: str
    vfr: bool
    video_codec: str
    audio_codec: str
    channels: int
    bit_rate: int
    container: str
    pix_fmt: str
    hdr: bool
    interlaced: bool
    has_audio: bool
    video_index: int
    audio_index: int


class _SideData(msgspec.Struct, frozen=True):
    rotation: float = 0.0


class _Stream(msgspec.Struct, frozen=True):
    index: int
    codec_type: str = ""
    codec_name: str = ""
    width: int = 0
    height: int = 0
    pix_fmt: str = ""
    sample_aspect_ratio: str = ""
    avg_frame_rate: str = ""
    duration: str = ""
    field_order: str = ""
    color_transfer: str = ""
    channels: int = 0
    disposition: dict[str, int] = {}
    side_data_list: list[_SideData] = []
    tags: dict[str, str] = {}


class _Format(msgspec.Struct, frozen=True):
    format_name: str = ""
    duration: str = ""
    start_time: str = ""


class _Answer(msgspec.Struct, frozen=True):
    streams: list[_Stream] = []
    format: _Format = _Format()


@dataclass(frozen=True, slots=True)
class _Timeline:
    start: float
    end: float
    gap: float
    step: float
    vfr: bool


async def probe(path: Path, engine: Engine) -> Facts:
    """Raises `MediaRefused` with what the user can do about it."""
    size = (await asyncio.to_thread(path.stat)).st_size
    _check_size(size)
    answer = await _describe(path, engine)
    video = _video_stream(answer)
    _check_picture(video)
    audio = _audio_stream(answer)
    timeline = await _timeline(path, engine, video.index)
    seconds = _check_time(video, timeline, _number(answer.format.start_time))
    return _facts(answer.format, video, audio, timeline, (size, seconds))


def _check_size(size: int) -> None:
    if size == 0:
        raise MediaRefused(
            "empty_file", "the file has 0 bytes", "Upload the file again."
        )
    if size > MAX_BYTES:
        raise MediaRefused(
            "too_large", "the file is over 32 GiB", "Upload a smaller export."
        )


async def _describe(path: Path, engine: Engine) -> _Answer:
    show = ("-show_format", "-show_streams", "-of", "json", f"file:{path}")
    try:
        found = await ask(
            engine.ffprobe,
            ["-v", "error", *INPUT_GUARD, *show],
            limits=_PROBE_LIMITS,
        )
        return msgspec.json.decode(found, type=_Answer)
    except (MediaRefused, msgspec.DecodeError) as error:
        raise MediaRefused(
            "not_a_video",
            "the file is not a video we can read",
            "Upload MP4, MOV, MKV, WebM, AVI, MPEG-TS or FLV; export it again if "
            "it does not play elsewhere.",
        ) from error


def _video_stream(answer: _Answer) -> _Stream:
    for stream in answer.streams:
        # The picture in an MP3 or M4A is a video stream to FFmpeg.
        if stream.codec_type == "video" and not stream.disposition.get("attached_pic"):
            return stream
    raise MediaRefused(
        "no_video_stream",
        "the file has no moving picture",
        "Upload a video; sound alone cannot be published as one.",
    )


def _check_picture(video: _Stream) -> None:
    if video.codec_name not in VIDEO_CODECS:
        name = video.codec_name or "unknown"
        raise _unsupported("video", name)
    sides = (video.width, video.height)
    if min(sides) < MIN_SIDE:
        size = f"{video.width}x{video.height}"
        raise MediaRefused(
            "bad_dimensions",
            f"the picture is {size} pixels",
            f"Upload a video of at least {MIN_SIDE}x{MIN_SIDE} pixels.",
        )
    if max(sides) > MAX_SIDE or video.width * video.height > MAX_PIXELS:
        raise MediaRefused(
            "too_large",
            f"the picture is {video.width}x{video.height} pixels",
            "Upload a version of at most 8K.",
        )


def _unsupported(kind: str, name: str) -> MediaRefused:
    return MediaRefused(
        "unsupported_codec",
        f"{kind} codec {name} is not supported",
        "Export the video as H.264 with AAC sound.",
    )


def _audio_stream(answer: _Answer) -> _Stream | None:
    tracks = [s for s in answer.streams if s.codec_type == "audio" and s.channels]
    if not tracks:
        return None
    chosen = max(tracks, key=lambda s: s.disposition.get("default", 0))
    if chosen.codec_name not in AUDIO_CODECS:
        raise _unsupported("audio", chosen.codec_name or "unknown")
    return chosen


async def _timeline(path: Path, engine: Engine, index: int) -> _Timeline:
    # Declared durations lie (truncated uploads, recordings of browsers, gap
    # bombs), so the packets themselves are read; nothing is decoded for it.
    entries = "packet=pts_time,dts_time,duration_time,flags"
    select = ("-select_streams", str(index), "-show_entries", entries)
    listed = await ask(
        engine.ffprobe,
        ["-v", "quiet", *INPUT_GUARD, *select, "-of", "csv=p=0", f"file:{path}"],
        limits=_PROBE_LIMITS,
    )
    times, last = _packet_times(listed.decode(errors="replace"))
    if not times:
        raise MediaRefused(
            "no_frames", "the video has no frames", "Upload the file again."
        )
    steps = sorted(b - a for a, b in pairwise(times))
    typical = steps[len(steps) // 2] if steps else 0.0
    gap = steps[-1] if steps else 0.0
    end = times[-1] + (last or typical)
    return _Timeline(times[0], end, gap, typical, gap > 1.5 * typical > 0)


def _packet_times(listed: str) -> tuple[list[float], float]:
    times: list[float] = []
    last = 0.0
    for line in listed.splitlines():
        texts = line.split(",")
        # An edit list cuts the beginning off: those packets are never shown.
        if "D" in texts[-1]:
            continue
        fields = [_number(text) for text in texts[:3]]
        at = next((number for number in fields[:2] if number is not None), None)
        if at is not None:
            times.append(at)
            last = (fields[2] if len(fields) == 3 else None) or last
    times.sort()
    return times, last


def _check_time(video: _Stream, timeline: _Timeline, start: float | None) -> float:
    if timeline.gap > MAX_GAP_SECONDS:
        raise MediaRefused(
            "broken_timestamps",
            f"there is a hole of {timeline.gap:.0f} s between two frames",
            "Export the video again with a constant frame rate.",
        )
    measured = timeline.end - timeline.start
    declared = _number(video.duration) or measured
    if measured < declared * 0.95 and declared - measured > 0.5:
        raise MediaRefused(
            "truncated",
            f"the file ends after {measured:.1f} of {declared:.1f} s",
            "The upload was cut off; upload the file again.",
        )
    # Sound may begin before the first frame; the programme begins with it.
    lead = max(0.0, timeline.start - start) if start is not None else 0.0
    seconds = measured + min(lead, MAX_GAP_SECONDS)
    if not 0 < seconds <= MAX_SECONDS:
        raise MediaRefused(
            "bad_duration",
            f"the video lasts {seconds:.1f} s",
            "Upload a video of more than 0 and at most 14400 s.",
        )
    return seconds


def _facts(
    container: _Format,
    video: _Stream,
    audio: _Stream | None,
    timeline: _Timeline,
    measured: tuple[int, float],
) -> Facts:
    size, seconds = measured
    rotation = _rotation(video)
    turned = rotation % 180 == 90
    sar = _ratio(video.sample_aspect_ratio) or Fraction(1)
    rate = _rate(video, timeline)
    return Facts(
        duration_ms=max(1, round(seconds * 1000)),
        width=video.height if turned else video.width,
        height=video.width if turned else video.height,
        rotation=rotation,
        sar=_spell(1 / sar if turned else sar, ":"),
        fps=round(float(rate), 3),
        frame_rate=_spell(rate, "/"),
        vfr=timeline.vfr,
        video_codec=video.codec_name,
        audio_codec=audio.codec_name if audio else "",
        channels=audio.channels if audio else 0,
        bit_rate=round(size * 8 / seconds),
        container=container.format_name.split(",")[0],
        pix_fmt=video.pix_fmt,
        hdr=video.color_transfer in HDR_TRANSFERS,
        interlaced=video.field_order in {"tt", "bb", "tb", "bt"},
        has_audio=audio is not None,
        video_index=video.index,
        audio_index=audio.index if audio else -1,
    )


def _rate(video: _Stream, timeline: _Timeline) -> Fraction:
    declared = _ratio(video.avg_frame_rate)
    if declared and not timeline.vfr:
        return declared
    # The usual step, not the average: bursts are what a viewer notices.
    rate = 1 / timeline.step if timeline.step > 0 else 25.0
    return Fraction(rate).limit_denominator(1001)


def _rotation(video: _Stream) -> int:
    turns = [side.rotation for side in video.side_data_list if side.rotation]
    turn = turns[0] if turns else _number(video.tags.get("rotate", "")) or 0.0
    return round(turn) % 360


def _ratio(text: str) -> Fraction | None:
    over, _, under = text.replace("/", ":").partition(":")
    if not (over.isdigit() and under.isdigit() and int(over) and int(under)):
        return None
    return Fraction(int(over), int(under))


def _spell(value: Fraction, sign: str) -> str:
    return f"{value.numerator}{sign}{value.denominator}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
