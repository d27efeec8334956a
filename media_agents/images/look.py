"""Says what a picture is, as JSON; run as a script of its own, confined.

It decodes the whole picture: a header alone promises nothing.
"""

import json
import sys
import warnings

from PIL import Image

MAX_PIXELS = 64_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")


def main(path: str) -> None:
    # The library warns of a bomb below its own limit and refuses above twice that.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(path, formats=FORMATS) as found:
        told = {
            "format": (found.format or "").lower(),
            "width": found.width,
            "height": found.height,
            "frames": getattr(found, "n_frames", 1),
            "mode": found.mode,
            "rotation": _rotation(found.getexif().get(0x0112, 1)),
        }
        found.load()
    sys.stdout.write(json.dumps(told))


def _rotation(orientation: int) -> int:
    """Degrees of EXIF's orientation; mirroring apart."""
    return {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)


if __name__ == "__main__":
    main(sys.argv[1])
