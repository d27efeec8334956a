"""A picture as it was meant: upright, eight bits, sRGB, and nothing else in it.

Runs in the confined child alone: it decodes what strangers sent.
"""

import math
import warnings
from io import BytesIO
from pathlib import Path
from typing import TypeAlias, cast

from PIL import Image, ImageCms, ImageOps

from media_agents.errors import MediaRefused
from media_agents.images.look import FORMATS, MAX_PIXELS

Picture: TypeAlias = Image.Image

DEEP = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
# What a profile may be of, and what everything else is turned into for it.
PROFILED = {"RGB": "RGB", "CMYK": "CMYK", "L": "L", "LA": "L", "1": "L", "LAB": "LAB"}


def opened(path: Path) -> Picture:
    """RGB, or RGBA where something shows through; of an animation the first frame.

    Raises what Pillow raises for a file that is broken, or has too many pixels: those
    are counted before one is decoded.
    """
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(path, formats=FORMATS) as found:
        found.load()
        upright = ImageOps.exif_transpose(found)
        profile = found.info.get("icc_profile")
    return cleaned(upright, profile if isinstance(profile, bytes) else None)


def cleaned(picture: Picture, profile: bytes | None) -> Picture:
    """Without metadata: writers copy what they find in `info`."""
    shallow = _eight_bits(picture)
    alpha = _alpha(shallow)
    colours = _in_srgb(shallow, profile)
    if alpha is not None:
        colours.putalpha(alpha)
    colours.info.clear()
    return colours


def on_white(picture: Picture) -> Picture:
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _eight_bits(picture: Picture) -> Picture:
    if picture.mode in DEEP:
        return picture.convert("I").point(lambda value: value / 257).convert("L")
    if picture.mode in {"I", "F"}:
        return _stretched(picture)
    return picture


def _stretched(picture: Picture) -> Picture:
    """Numbers without a scale of their own: the lowest is black, the highest white."""
    low, high = cast(tuple[float, float], picture.getextrema())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise MediaRefused(
            "not_a_picture",
            "the picture holds values that are no numbers",
            "Export it as PNG with 8 or 16 bits.",
        )
    scale = 255 / (high - low) if high > low else 0.0
    shifted = picture.convert("F").point(lambda value: value * scale - low * scale)
    return shifted.convert("L")


def _alpha(picture: Picture) -> Picture | None:
    """None where nothing shows through."""
    marked = {"A", "a"} & set(picture.getbands()) or "transparency" in picture.info
    if not marked:
        return None
    found = picture.convert("RGBA").getchannel("A")
    return None if found.getextrema() == (255, 255) else found


def _in_srgb(picture: Picture, profile: bytes | None) -> Picture:
    if profile is None and picture.mode != "LAB":
        return picture.convert("RGB")
    base = picture.convert(PROFILED.get(picture.mode, "RGB"))
    try:
        made = ImageCms.profileToProfile(
            base, _profile(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile that is broken or of another colour space says nothing.
        return picture.convert("RGB")
    return made if made is not None else picture.convert("RGB")


def _profile(profile: bytes | None) -> ImageCms.ImageCmsProfile:
    if profile is None:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.ImageCmsProfile(BytesIO(profile))
