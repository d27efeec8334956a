"""The files: how each is made and what must be said of it.

`expected` is the kind that is accepted, or the codes of which one must be the reason.
"""

import random
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeAlias

from PIL import Image

from tests.torture.pictures import BODIES

Make: TypeAlias = Callable[["Bench", Path], None]


class Bench(NamedTuple):
    """Where cases are made: the encoder, the folder, and a port that counts calls."""

    ffmpeg: str
    folder: Path
    port: int

    def file(self, name: str) -> Path:
        """Made at its first use."""
        path = self.folder / name
        if not path.exists():
            BY_NAME[name].make(self, path)
        return path

    def encode(self, path: Path, *arguments: object) -> None:
        line = [self.ffmpeg, "-nostdin", "-y", "-v", "error", *map(str, arguments)]
        subprocess.run(
            [*line, f"file:{path}"], check=True, capture_output=True, timeout=120
        )


class Case(NamedTuple):
    name: str
    make: Make
    expected: tuple[str, ...]


X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "96k")


def pattern(size: str = "640x360", rate: float = 30, seconds: float = 2) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate:g}:d={seconds:g}"]


def tone(seconds: float = 2, more: str = "") -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=f=440:b=2:d={seconds:g}{more}"]


def encoded(*arguments: object) -> Make:
    return lambda bench, path: bench.encode(path, *arguments)


def copied(source: str, *after: str, before: tuple[str, ...] = ()) -> Make:
    return lambda bench, path: bench.encode(
        path, *before, "-i", bench.file(source), "-c", "copy", *after
    )


def written(body: bytes) -> Make:
    return lambda _bench, path: _write(path, body)


def _write(path: Path, body: bytes) -> None:
    path.write_bytes(body)


def cut(source: str, share: float) -> Make:
    def make(bench: Bench, path: Path) -> None:
        body = bench.file(source).read_bytes()
        path.write_bytes(body[: int(len(body) * share)])

    return make


def followed(source: str, tail: Callable[[], bytes]) -> Make:
    def make(bench: Bench, path: Path) -> None:
        path.write_bytes(bench.file(source).read_bytes() + tail())

    return make


def named(source: str) -> Make:
    def make(bench: Bench, path: Path) -> None:
        shutil.copy(bench.file(source), path)

    return make


def text(template: str) -> Make:
    """`{port}` counts requests, `{folder}` is where all files lie."""

    def make(bench: Bench, path: Path) -> None:
        filled = template.replace("{port}", str(bench.port))
        path.write_text(filled.replace("{folder}", str(bench.folder)))

    return make


def archive() -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        made.writestr("evil.sh", "echo hi")
    return body.getvalue()


def bomb() -> bytes:
    """A GIF of 40 bytes that says it has 65 535 x 65 535 pixels."""
    sides = struct.pack("<HH", 65535, 65535)
    return (
        b"GIF89a" + sides + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
        b"\x2c" + struct.pack("<HH", 0, 0) + sides + b"\0\x02\x02\x4c\x01\0;"
    )


def still(size: tuple[int, int], **options: object) -> Make:
    def make(_bench: Bench, path: Path) -> None:
        Image.new("RGB", size, "orange").save(path, **options)

    return make


def drawn(name: str) -> Make:
    def make(_bench: Bench, path: Path) -> None:
        path.write_bytes(BODIES[name]())

    return make


def huge_png(_bench: Bench, path: Path) -> None:
    """30 000 x 30 000 pixels of one colour, a hundred kilobytes."""
    Image.MAX_IMAGE_PIXELS = None
    Image.new("1", (30_000, 30_000)).save(path)


def moving_webp(_bench: Bench, path: Path) -> None:
    frames = [Image.new("RGB", (320, 240), c) for c in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)


def noise(_bench: Bench, path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(100_000))


def damaged(bench: Bench, path: Path) -> None:
    """200 bytes turned, none of them in the index."""
    body = bytearray(bench.file("base.mp4").read_bytes())
    picked = random.Random(2)
    for _ in range(200):
        body[picked.randrange(len(body) // 4, len(body) - 2000)] ^= 0xFF
    path.write_bytes(bytes(body))


HDR = (
    "log-level=none:colorprim=bt2020:transfer={}:colormatrix=bt2020nc",
    *("-color_primaries", "bt2020", "-colorspace", "bt2020nc"),
)


def high_range(transfer: str) -> Make:
    return encoded(
        *pattern("1280x720"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
        *("-tag:v", "hvc1", "-x265-params", HDR[0].format(transfer)),
        *(*HDR[1:], "-color_trc", transfer),
    )


LIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{0}\n#EXT-X-ENDLIST\n"
NO_VIDEO = ("not_a_video",)
VIDEO, AUDIO, PICTURE = ("video",), ("audio",), ("image",)

BASE = Case(
    "base.mp4",
    encoded(
        *pattern("1280x720", 30, 5), *tone(5), *X264, *AAC, "-movflags", "+faststart"
    ),
    VIDEO,
)
TIMING = (
    Case("vfr.mp4", encoded(
        *pattern(seconds=5), *tone(5), "-vf", "select='if(lt(t,2),1,not(mod(n,5)))'",
        "-fps_mode", "vfr", *X264, *AAC), VIDEO),
    Case("gap_bomb.mp4", encoded(
        *pattern("320x180", 25, 0.12), "-vf", "setpts='N*20000/TB'", "-fps_mode",
        "passthrough", "-video_track_timescale", "1000", *X264, "-bf", "0"),
        ("broken_timestamps", "bad_duration")),
    Case("fps1000.mp4", encoded(*pattern("320x180", 1000), *X264), VIDEO),
    Case("fps1.mp4", encoded(*pattern(rate=1, seconds=6), *X264), VIDEO),
    Case("start_offset.ts", encoded(
        *pattern(), *tone(), *X264, *AAC, "-output_ts_offset", "5000"), VIDEO),
    Case("edit_list.mp4", copied("base.mp4", before=("-ss", "1.3")), VIDEO),
    Case("twelve_hours.mp4", encoded(
        "-f", "lavfi", "-i", "color=black:s=64x64:r=1:d=43200", *X264, "-g", "3600"),
        ("bad_duration",)),
    Case("one_frame.mp4", encoded(*pattern(), "-frames:v", "1", *X264), VIDEO),
    Case("half_second.mp4", encoded(
        *pattern(seconds=0.5), *tone(0.5), *X264, *AAC), VIDEO),
    Case("timecode.mov", encoded(
        *pattern(), *X264, "-timecode", "01:00:00:00", "-write_tmcd", "1"), VIDEO),
)  # fmt: skip
SHAPE = (
    Case("portrait.mp4", encoded(*pattern("1080x1920"), *X264), VIDEO),
    Case("odd_444.mp4", encoded(
        "-f", "lavfi", "-i", "testsrc=s=853x481:r=30:d=2", "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv444p"), VIDEO),
    Case("interlaced.ts", encoded(
        *pattern("1280x720", 50), "-vf", "tinterlace=4,setfield=tff", *X264,
        "-flags", "+ildct+ilme"), VIDEO),
    Case("wide_pixels.mp4", encoded(
        *pattern("720x576", 25), "-vf", "setsar=16/11", *X264), VIDEO),
    Case("turned.mp4", copied("base.mp4", before=("-display_rotation", "90")), VIDEO),
    Case("two_by_two.mp4", encoded(
        *pattern("16x16"), "-vf", "scale=2:2", *X264), ("bad_dimensions",)),
    Case("tall_strip.mp4", encoded(*pattern("64x4096"), *X264), VIDEO),
    Case("eight_k.mp4", encoded(
        "-f", "lavfi", "-i", "color=red:s=7680x4320:r=30:d=0.2", *X264), VIDEO),
    Case("beyond_eight_k.mp4", encoded(
        "-f", "lavfi", "-i", "color=red:s=8208x4640:r=5:d=0.4", "-c:v", "mjpeg"),
        ("too_large",)),
)  # fmt: skip
COLOUR = (
    Case("hdr10.mp4", high_range("smpte2084"), VIDEO),
    Case("hlg.mp4", high_range("arib-std-b67"), VIDEO),
    Case("ten_bit.mp4", encoded(
        *pattern(), "-c:v", "libx264", "-preset", "ultrafast",
        "-pix_fmt", "yuv420p10le"), VIDEO),
    Case("full_range.mp4", encoded(
        *pattern(), "-vf", "scale=out_range=full", "-c:v", "libx264", "-preset",
        "ultrafast", "-pix_fmt", "yuvj420p", "-color_range", "pc"), VIDEO),
    Case("alpha.webm", encoded(
        "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1,format=yuva420p", "-c:v",
        "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt",
        "yuva420p"), VIDEO),
    Case("av1_opus.webm", encoded(
        *pattern("320x180", 25, 1), *tone(1), "-c:v", "libsvtav1", "-preset", "12",
        "-c:a", "libopus"), VIDEO),
    Case("mjpeg.avi", encoded(*pattern(), "-c:v", "mjpeg"), VIDEO),
    Case("lossless.avi", encoded(*pattern(), "-c:v", "huffyuv"),
         ("unsupported_codec",)),
    Case("film.gif", encoded(*pattern("321x241", 10)), VIDEO),
)  # fmt: skip
SOUND = (
    Case("sound.m4a", encoded(*tone(), *AAC), AUDIO),
    Case("sound.wav", encoded(*tone()), AUDIO),
    Case("cover.mp3", lambda bench, path: bench.encode(
        path, *tone(), "-i", bench.file("still.jpg"), "-map", "0", "-map", "1",
        "-c:a", "libmp3lame", "-c:v", "copy", "-disposition:v", "attached_pic"), AUDIO),
    Case("mono_8k.mp4", encoded(
        *pattern(), *tone(2, ":r=8000"), *X264, *AAC, "-ar", "8000"), VIDEO),
    Case("silent.mp4", encoded(
        *pattern(), "-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=2", *X264,
        *AAC), VIDEO),
    Case("six_channels.mp4", encoded(
        *pattern(), "-f", "lavfi", "-i", "anullsrc=r=48000:cl=5.1:d=2", *X264,
        *AAC), VIDEO),
    Case("two_languages.mkv", encoded(
        *pattern(), *tone(), *tone(2, ":r=44100"), "-map", "0", "-map", "1", "-map",
        "2", *X264, *AAC, "-metadata:s:a:0", "language=eng", "-metadata:s:a:1",
        "language=chi"), VIDEO),
    Case("sound_longer.mp4", encoded(*pattern(), *tone(6), *X264, *AAC), VIDEO),
)  # fmt: skip
STILL = (
    Case("still.jpg", still((1281, 721)), PICTURE),
    Case("still.png", still((640, 360)), PICTURE),
    Case("still.webp", still((640, 360)), PICTURE),
    Case("still.avif", still((640, 360)), PICTURE),
    Case("moving.webp", moving_webp, PICTURE),
    Case("dressed_as.mp4", still((64, 64), format="JPEG"), PICTURE),
    Case("huge.png", huge_png, ("too_large",)),
    Case("bomb.gif", written(bomb()), ("bad_dimensions", "too_large", "not_a_video")),
    Case("half.jpg", cut("still.jpg", 0.5), ("not_a_picture",)),
    Case("zip_tail.jpg", followed("still.jpg", archive), PICTURE),
    *(Case(name, drawn(name), PICTURE) for name in (
        "turned.jpg", "cmyk.jpg", "grey.jpg", "palette.png", "bits.png", "deep.png",
        "glass.png", "numbers.tif", "lab.tif", "moving.png", "one.png", "strip.png",
        "polyglot.jpg")),
    *(Case(name, drawn(name), ("not_a_picture",)) for name in (
        "cut.jpg", "phone.heic", "photo.heif")),
    Case("wide.png", drawn("wide.png"), ("too_large",)),
)  # fmt: skip
DAMAGE = (
    Case("index_last.mp4", copied("base.mp4", "-movflags", "0"), VIDEO),
    Case("cut_index_last.mp4", cut("index_last.mp4", 0.6), NO_VIDEO),
    Case("cut_index_first.mp4", cut("base.mp4", 0.6), ("truncated",)),
    Case("zero.mp4", written(b""), ("empty_file",)),
    Case("one_byte.mp4", written(b"\0"), NO_VIDEO),
    Case("noise.mp4", noise, NO_VIDEO),
    Case("page.mp4", written(b"<html><script>alert(1)</script></html>"), NO_VIDEO),
    Case("damaged.mp4", damaged, VIDEO),
    Case("zip_tail.mp4", followed("base.mp4", archive), VIDEO),
    Case("script_in_title.mp4", copied(
        "base.mp4", "-metadata", "title=<script>alert(1)</script>", "-metadata",
        "location=+31.2304+121.4737/"), VIDEO),
)  # fmt: skip
HOSTILE = (
    Case("a.ts", encoded(*pattern(), *tone(), *X264, *AAC), VIDEO),
    Case("outside.m3u8", text(LIST.format("http://127.0.0.1:{port}/meta")), NO_VIDEO),
    Case("outside.mp4", text(LIST.format("http://127.0.0.1:{port}/meta")), NO_VIDEO),
    Case("inside.m3u8", text(LIST.format("file:///etc/passwd")), NO_VIDEO),
    Case("neighbour.m3u8", text(LIST.format("{folder}/a.ts")), NO_VIDEO),
    Case("relative.m3u8", text(LIST.format("a.ts")), NO_VIDEO),
    Case("list.mp4", text(
        "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.mp4'\n"), NO_VIDEO),
    Case("session.sdp", text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 18098 RTP/AVP 96\na=rtpmap:96 H264/90000\n"), NO_VIDEO),
    Case("dash.mpd", text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
        'type="static" mediaPresentationDuration="PT10S" '
        'profiles="urn:mpeg:dash:profile:isoff-live:2011"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="1" bandwidth="1000" '
        'codecs="avc1.42c00d" width="16" height="16"><BaseURL>'
        "http://127.0.0.1:{port}/</BaseURL></Representation></AdaptationSet>"
        "</Period></MPD>"), NO_VIDEO),
    Case("drawing.svg", text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><image '
        'href="http://127.0.0.1:{port}/x.png"/></svg>'), NO_VIDEO),
    Case("words.ass", text(
        "[Script Info]\nPlayResX: 100000\n[V4+ Styles]\nFormat: Name, Fontname, "
        "Fontsize\nStyle: Default,Noto Sans CJK SC,20000\n[Events]\nFormat: Start, "
        "End, Style, Text\nDialogue: 0:00:00.00,0:00:05.00,Default,{\\bord200}AAAA\n"),
        NO_VIDEO),
    *(Case(name, named("base.mp4"), VIDEO) for name in (
        "-rf.mp4", "pct%03d.mp4", "中文 表情😀.mp4", "http:evil.mp4",
        "semi;touch pwn.mp4", "concat:a|b.mp4")),
)  # fmt: skip
CASES: tuple[Case, ...] = (
    BASE, *STILL, *TIMING, *SHAPE, *COLOUR, *SOUND, *DAMAGE, *HOSTILE,
)  # fmt: skip
BY_NAME = {each.name: each for each in CASES}
