"""Pictures made on the spot, one kind of trouble each."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageCms, ImageDraw

PLACE = b"31.2304"


def scene(size: tuple[int, int] = (640, 480), *, left: bool = True) -> Image.Image:
    """Blue, with a chequered red thing near one side: that is what is to be seen."""
    made = Image.new("RGB", size, "#2040c0")
    draw = ImageDraw.Draw(made)
    across, start = size[0] // 4, 0 if left else size[0] * 3 // 4
    for x in range(start, start + across, 8):
        for y in range(size[1] // 4, size[1] * 3 // 4, 8):
            draw.rectangle((x, y, x + 3, y + 3), fill="#e02020")
    return made


def chunk(name: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + crc


def png(width: int, height: int, depth: int, body: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def huge_png(width: int, height: int) -> bytes:
    """A whole PNG of one colour: some hundred kilobytes for a gigapixel."""
    packer, row = zlib.compressobj(9), b"\0" * ((width + 7) // 8 + 1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, 1, body)


def huge_gif() -> bytes:
    image = b"\x2c\0\0\0\0" + b"\xff\xff\xff\xff" + b"\0\x02\x02\x44\x01\0;"
    return b"GIF89a\xff\xff\xff\xff\x80\0\0" + b"\0\0\0\xff\xff\xff" + image


def _jpeg(picture: Image.Image, **options: object) -> bytes:
    written = BytesIO()
    picture.save(written, "JPEG", **{"quality": 90, **options})
    return written.getvalue()


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    written = BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def _turned() -> bytes:
    """Lies on its side, with a place and a profile of another colour space."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = PLACE.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    return _jpeg(scene(), exif=exif, icc_profile=profile, comment=PLACE)


def _deep() -> bytes:
    row = b"".join(struct.pack("<H", x * 65535 // 99) for x in range(100))
    return _saved(Image.frombytes("I;16", (100, 50), row * 50), "PNG")


def _glass() -> bytes:
    made = Image.new("RGBA", (100, 50), (0, 0, 0, 0))
    made.paste((255, 0, 0, 255), (0, 0, 50, 50))
    return _saved(made, "PNG")


def _moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (80, 60), c) for c in ("red", "green", "blue")]
    return _saved(frames[0], kind, save_all=True, append_images=frames[1:])


def _numbers() -> bytes:
    row = b"".join(struct.pack("<f", x / 10) for x in range(100))
    return _saved(Image.frombytes("F", (100, 50), row * 50), "TIFF")


def _bodies() -> dict[str, Callable[[], bytes]]:
    whole = scene()
    return {
        "plain.jpg": lambda: _jpeg(whole),
        "right.png": lambda: _saved(scene(left=False), "PNG"),
        "portrait.png": lambda: _saved(scene((300, 900)), "PNG"),
        "large.jpg": lambda: _jpeg(scene((2400, 1800))),
        "noise.png": lambda: _saved(
            Image.effect_noise((800, 600), 90).convert("RGB"), "PNG"
        ),
        "turned.jpg": _turned,
        "cmyk.jpg": lambda: _jpeg(Image.new("CMYK", (80, 60), (0, 255, 255, 0))),
        "grey.jpg": lambda: _jpeg(whole.convert("L")),
        "palette.png": lambda: _saved(whole.quantize(16), "PNG", transparency=15),
        "bits.png": lambda: _saved(whole.convert("1"), "PNG"),
        "deep.png": _deep,
        "numbers.tif": _numbers,
        "lab.tif": lambda: _saved(Image.new("LAB", (80, 60), (200, 128, 128)), "TIFF"),
        "glass.png": _glass,
        "moving.gif": lambda: _moving("GIF"),
        "moving.webp": lambda: _moving("WEBP"),
        "moving.png": lambda: _moving("PNG"),
        "plain.avif": lambda: _saved(whole, "AVIF"),
        "one.png": lambda: _saved(Image.new("RGB", (1, 1), "red"), "PNG"),
        "strip.png": lambda: _saved(Image.new("RGB", (4000, 3), "red"), "PNG"),
        "polyglot.jpg": lambda: _jpeg(whole) + b"PK\x03\x04" + b"<script>" * 9,
        "cut.jpg": lambda: _jpeg(whole)[:3000],
        "empty.png": lambda: b"",
        "words.jpg": lambda: b"<html><script>alert(1)</script></html>",
        "drawing.svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "phone.heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99,
        "photo.heif": lambda: b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + b"\0" * 99,
        "huge.png": lambda: huge_png(30_000, 30_000),
        "huge.gif": huge_gif,
        "wide.png": lambda: png(2**31 - 1, 2**31 - 1, 8, b"x"),
    }


BODIES = _bodies()
