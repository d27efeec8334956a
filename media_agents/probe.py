"""The facts of a file, or the reason why it is refused and what to do about it."""

import asyncio
from fractions import Fraction
from pathlib import Path

from media_agents.describing import Described, Stream, describe, number, ratio
from media_agents.engines.ffmpeg import MAX_PIXELS, Engine
from media_agents.errors import MediaRefused
from media_agents.facts import Facts, Sound
from media_agents.images.looking import is_picture, look, refuse_heic
from media_agents.labelling import labels_of
from media_agents.layout import Layout, layout
from media_agents.timeline import Timeline, timeline

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


async def probe(path: Path, engine: Engine) -> Facts:
    """Raises `MediaRefused` with what the user can do about it."""
    size, head = await asyncio.to_thread(_begin, path)
    _check_size(size)
    refuse_heic(head)
    if is_picture(head):
        return await look(path, size)
    described = await describe(path, engine)
    _check_declared(described)
    if described.picture is None:
        return await _heard(path, described, engine, size)
    return await _seen(path, described, described.picture, (engine, size))


def _begin(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        return path.stat().st_size, file.read(16)


def _check_size(size: int) -> None:
    if size == 0:
        raise MediaRefused(
            "empty_file", "the file has 0 bytes", "Upload the file again."
        )
    if size > MAX_BYTES:
        raise MediaRefused(
            "too_large", "the file is over 32 GiB", "Upload a smaller export."
        )


def _check_declared(described: Described) -> None:
    """Before anything is read that would take as long as this says."""
    declared = number(described.format.duration)
    if declared is not None and declared > MAX_SECONDS:
        raise _too_long(declared)


def _too_long(seconds: float) -> MediaRefused:
    return MediaRefused(
        "bad_duration",
        f"it lasts {seconds:.1f} s",
        f"Upload something of more than 0 and at most {MAX_SECONDS} s.",
    )


async def _seen(
    path: Path, described: Described, picture: Stream, work: tuple[Engine, int]
) -> Facts:
    engine, size = work
    _check_picture(picture)
    _check_sounds(described.sounds)
    times = await timeline(path, engine, picture.index)
    seconds = _check_time(picture, times, number(described.format.start_time))
    boxes = await asyncio.to_thread(layout, path)
    return _video_facts(described, picture, times, boxes, (size, seconds))


def _check_picture(video: Stream) -> None:
    if video.codec_name not in VIDEO_CODECS:
        raise _unsupported("video", video.codec_name)
    sides = (video.width, video.height)
    if min(sides) < MIN_SIDE:
        raise MediaRefused(
            "bad_dimensions",
            f"the picture is {video.width}x{video.height} pixels",
            f"Upload a video of at least {MIN_SIDE}x{MIN_SIDE} pixels.",
        )
    if max(sides) > MAX_SIDE or video.width * video.height > MAX_PIXELS:
        raise MediaRefused(
            "too_large",
            f"the picture is {video.width}x{video.height} pixels",
            "Upload a version of at most 8K.",
        )


def _check_sounds(sounds: tuple[Sound, ...]) -> None:
    for sound in sounds[:1]:
        if sound.codec not in AUDIO_CODECS:
            raise _unsupported("audio", sound.codec)


def _unsupported(kind: str, name: str) -> MediaRefused:
    return MediaRefused(
        "unsupported_codec",
        f"{kind} codec {name or 'unknown'} is not supported",
        "Export the video as H.264 with AAC sound.",
    )


def _check_time(video: Stream, times: Timeline, start: float | None) -> float:
    if times.gap > MAX_GAP_SECONDS:
        raise MediaRefused(
            "broken_timestamps",
            f"there is a hole of {times.gap:.0f} s between two frames",
            "Export the video again with a constant frame rate.",
        )
    _check_whole(times.seconds, number(video.duration))
    # Sound may begin before the first frame; the programme begins with it.
    lead = max(0.0, times.start - start) if start is not None else 0.0
    seconds = times.seconds + min(lead, MAX_GAP_SECONDS)
    if not 0 < seconds <= MAX_SECONDS:
        raise _too_long(seconds)
    return seconds


def _check_whole(measured: float, declared: float | None) -> None:
    declared = declared or measured
    if measured < declared * 0.95 and declared - measured > 0.5:
        raise MediaRefused(
            "truncated",
            f"the file ends after {measured:.1f} of {declared:.1f} s",
            "The upload was cut off; upload the file again.",
        )


async def _heard(path: Path, described: Described, engine: Engine, size: int) -> Facts:
    """A file of sound alone, perhaps with a picture on its cover."""
    if not described.sounds:
        raise MediaRefused(
            "no_video_stream",
            "the file has neither moving picture nor sound",
            "Upload a video, a sound or a picture.",
        )
    _check_sounds(described.sounds)
    times = await timeline(path, engine, described.sounds[0].index)
    _check_whole(times.seconds, number(described.format.duration))
    if not 0 < times.seconds <= MAX_SECONDS:
        raise _too_long(times.seconds)
    return Facts(
        kind="audio",
        duration_ms=max(1, round(times.seconds * 1000)),
        bit_rate=round(size * 8 / times.seconds),
        bytes=size,
        container=_container(described),
        sounds=described.sounds,
    )


def _video_facts(
    described: Described,
    video: Stream,
    times: Timeline,
    boxes: Layout,
    measured: tuple[int, float],
) -> Facts:
    size, seconds = measured
    turned = video.turned % 180 == 90
    sar = ratio(video.sample_aspect_ratio) or Fraction(1)
    rate = _rate(video, times)
    return Facts(
        kind="video",
        duration_ms=max(1, round(seconds * 1000)),
        width=video.height if turned else video.width,
        height=video.width if turned else video.height,
        rotation=video.turned,
        sar=_spell(1 / sar if turned else sar, ":"),
        fps=round(float(rate), 3),
        frame_rate=_spell(rate, "/"),
        vfr=times.vfr,
        frames=times.frames,
        video_codec=video.codec_name,
        video_profile=video.profile,
        level=max(0, video.level),
        bit_depth=_depth(video),
        video_bit_rate=round(times.bytes * 8 / seconds),
        key_gap_s=round(times.key_gap, 3),
        bit_rate=round(size * 8 / seconds),
        bytes=size,
        container=_container(described),
        pix_fmt=video.pix_fmt,
        color_space=video.color_space,
        color_transfer=video.color_transfer,
        color_primaries=video.color_primaries,
        color_range=video.color_range,
        hdr=video.color_transfer in HDR_TRANSFERS,
        interlaced=video.field_order in {"tt", "bb", "tb", "bt"},
        video_index=video.index,
        sounds=described.sounds,
        captions=described.captions,
        edit_list=boxes.edited or times.edited,
        trimmed=times.edited,
        fast_start=boxes.fast_start,
        labels=labels_of(described.format.tags),
    )


def _container(described: Described) -> str:
    """`mp4`, `mov`, `matroska`, `mpegts`, …; ffprobe names what reads it, not it."""
    names = described.format.format_name.split(",")
    brand = described.format.tags.get("major_brand", "").strip()
    return "mp4" if "mp4" in names and brand != "qt" else names[0]


def _depth(video: Stream) -> int:
    if video.bits_per_raw_sample.isdigit() and int(video.bits_per_raw_sample):
        return int(video.bits_per_raw_sample)
    return next((bits for bits in (16, 12, 10) if f"p{bits}" in video.pix_fmt), 8)


def _rate(video: Stream, times: Timeline) -> Fraction:
    declared = ratio(video.avg_frame_rate)
    if declared and not times.vfr:
        return declared
    # The usual step, not the average: bursts are what a viewer notices.
    rate = 1 / times.step if times.step > 0 else 25.0
    return Fraction(rate).limit_denominator(1001)


def _spell(value: Fraction, sign: str) -> str:
    return f"{value.numerator}{sign}{value.denominator}"
