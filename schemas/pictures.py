"""Pictures to order: what is wished for, and what was made of it."""

from msgspec import Struct


class Overlay(Struct, frozen=True):
    """Words on a picture: `size` is a share of its height; empty colours draw nothing.

    `place` is `top`, `center` or `bottom`.
    """

    text: str
    size: float = 0.08
    colour: str = "#ffffff"
    outline: str = "#000000"
    background: str = ""
    place: str = "bottom"
    bold: bool = True


class Aspect(Struct, frozen=True):
    """The shape of a picture: 3 wide, 4 high."""

    wide: int
    high: int


class Focus(Struct, frozen=True):
    """A place in a picture, as shares of its width and its height."""

    x: float
    y: float


class PictureWish(Struct, frozen=True):
    """One picture in each of `formats` (jpeg, png, webp, avif); 0 leaves a bound open.

    Cut to `aspect` around `focus` (None: where most is to be seen), at most `width`
    pixels wide, enlarged only up to `least_width`. `profiles` names the destinations
    it is for.
    """

    aspect: Aspect | None = None
    width: int = 0
    least_width: int = 0
    formats: tuple[str, ...] = ("jpeg",)
    max_bytes: int = 0
    focus: Focus | None = None
    overlay: Overlay | None = None
    profiles: tuple[str, ...] = ()


class ImagesInput(Struct, frozen=True, tag="images"):
    """Pictures made of one; without wishes, those that every destination takes.

    With `at` the object is a film and each moment (seconds) becomes a picture. An empty
    `sha256` is an object that we made ourselves. `cover`: it is to stand for the video.
    """

    images_id: str
    object_key: str
    sha256: str = ""
    wishes: tuple[PictureWish, ...] = ()
    video_id: str = ""
    at: tuple[float, ...] = ()
    cover: bool = False


class Picture(Struct, frozen=True):
    """A finished picture, its metadata gone; `at` is the moment (s) it was taken of."""

    key: str
    width: int
    height: int
    size: int
    sha256: str
    content_type: str
    profiles: tuple[str, ...] = ()
    at: float | None = None


class Imaged(Struct, frozen=True, tag="imaged"):
    """`cover_key` is the picture that is to stand for the video, if one is."""

    images_id: str
    pictures: tuple[Picture, ...]
    video_id: str = ""
    cover_key: str = ""
