"""The timeline document, version 1: scenes one after another, and what lies over them.

One shape for people, programs and the log: what is sent, kept in a file and rendered is
the same JSON. Times are seconds of the finished film unless a field says otherwise.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

VERSION = 1

Fit: TypeAlias = Literal["cover", "contain", "blur"]
TransitionKind: TypeAlias = Literal["cut", "fade", "crossfade", "wipe"]
Corner: TypeAlias = Literal["top_left", "top_right", "bottom_left", "bottom_right"]
Span: TypeAlias = Literal["whole", "opening"]


class Source(Struct, frozen=True, rename="camel"):
    """A file: an asset by its id, an object of the tenant, or a file beside this one.

    An object is named by its key and its SHA-256; `file` is for rendering locally.
    """

    asset: str = ""
    object_key: str = ""
    sha256: str = ""
    file: str = ""

    @property
    def name(self) -> str:
        """The same for the same file of one document."""
        return self.asset or self.object_key or self.file


class Transition(Struct, frozen=True, rename="camel"):
    """How a scene comes in: both are seen for `seconds`, so the film is that shorter.

    `fade` goes through black, `wipe` from right to left; a `cut` takes no time.
    """

    kind: TransitionKind = "cut"
    seconds: float = 0.0


class Clip(Struct, frozen=True, kw_only=True, tag="clip", rename="camel"):
    """A stretch of a file: `start` and `end` are seconds of that file, 0 = its end.

    `ai`: what it shows or says was made by a machine.
    """

    source: Source
    start: float = 0.0
    end: float = 0.0
    fit: Fit = "contain"
    muted: bool = False
    gain_db: float = 0.0
    transition: Transition = Transition()
    ai: bool = False


class Title(Struct, frozen=True, kw_only=True, tag="title", rename="camel"):
    """A card with words; `size` is the height of a letter as a share of the picture."""

    text: str
    seconds: float
    colour: str = "#ffffff"
    background: str = "#000000"
    size: float = 0.1
    transition: Transition = Transition()


Scene: TypeAlias = Clip | Title


class Canvas(Struct, frozen=True, rename="camel"):
    """The picture that is made; `frame_rate` is frames a second as a whole or n/d."""

    width: int = 1920
    height: int = 1080
    frame_rate: str = "30"


class Music(Struct, frozen=True, kw_only=True, rename="camel"):
    """Goes along from beginning to end, and steps back while somebody speaks."""

    source: Source
    start: float = 0.0
    gain_db: float = -12.0
    duck: bool = True
    loop: bool = True
    fade_out: float = 2.0
    ai: bool = False


class Line(Struct, frozen=True, kw_only=True, rename="camel"):
    """Words that a voice speaks, sentence by sentence; without `at` after the last one.

    `voice` empty = the language's own.
    """

    text: str
    at: float | None = None
    language: str = "zh"
    voice: str = ""
    gain_db: float = 0.0


class Inset(Struct, frozen=True, kw_only=True, rename="camel"):
    """A picture in the picture, without its sound, within `scale` of both its sides.

    Seen from `at` for `seconds`, played from `start` of its file.
    """

    source: Source
    at: float
    seconds: float
    start: float = 0.0
    corner: Corner = "bottom_right"
    scale: float = 0.3
    ai: bool = False


class Mark(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is put on the file for one destination, where that allows it.

    The master carries neither; `opacity` is 1 for solid letters.
    """

    destination: str
    watermark: str = ""
    copyright: str = ""
    corner: Corner = "top_right"
    opacity: float = 0.7


class AiMark(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the mark of AI stands and how long; that it stands is not a choice."""

    corner: Corner = "top_left"
    span: Span = "whole"


class Timeline(Struct, frozen=True, kw_only=True, rename="camel"):
    """`marks` one for a destination; `ai`: the whole is a machine's work."""

    version: Literal[1] = 1
    canvas: Canvas = Canvas()
    scenes: tuple[Scene, ...] = ()
    music: Music | None = None
    narration: tuple[Line, ...] = ()
    insets: tuple[Inset, ...] = ()
    marks: tuple[Mark, ...] = ()
    ai: bool = False
    ai_mark: AiMark = AiMark()

    def mark(self, destination: str) -> Mark:
        """What this destination gets; nothing where the document does not say."""
        found = (each for each in self.marks if each.destination == destination)
        return next(found, Mark(destination=destination))

    @property
    def by_machine(self) -> bool:
        """Whether the law on labelling applies: a spoken narration is synthetic too."""
        parts = [self.music, *self.scenes, *self.insets]
        used = any(getattr(each, "ai", False) for each in parts)
        return self.ai or used or bool(self.narration)


class Material(Struct, frozen=True):
    """What a source of the document was when the render was asked for."""

    name: str
    object_key: str
    sha256: str


class Cue(Struct, frozen=True):
    """A spoken sentence, in seconds of the finished film."""

    start: float
    end: float
    text: str
