"""Where everything lies on the film, in whole frames: no time is rounded twice."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from msgspec import Struct

from schemas.timeline import (
    Clip,
    Corner,
    Inset,
    Music,
    Scene,
    Source,
    Timeline,
    Transition,
)

SAMPLE_RATE = 48_000


class Known(Struct, frozen=True, kw_only=True):
    """What is known of a source; with a `code` it cannot be used, for that reason."""

    seconds: float = 0.0
    picture: bool = False
    sound: bool = False
    width: int = 0
    height: int = 0
    ai: bool = False
    code: str = ""
    detail: str = ""
    remedy: str = ""


class Placed(Struct, frozen=True):
    """A scene: `shared` of its first frames belong to the one before it, too."""

    index: int
    scene: Scene
    begin: int
    frames: int
    shared: int = 0

    @property
    def end(self) -> int:
        return self.begin + self.frames


class PlacedInset(Struct, frozen=True):
    index: int
    inset: Inset
    begin: int
    frames: int

    @property
    def end(self) -> int:
        return self.begin + self.frames

    @property
    def corner(self) -> Corner:
        return self.inset.corner


class Arrangement(Struct, frozen=True):
    """`rate` is frames a second; scenes follow one another without a hole."""

    width: int
    height: int
    rate: Fraction
    scenes: tuple[Placed, ...]
    insets: tuple[PlacedInset, ...] = ()

    @property
    def frames(self) -> int:
        return self.scenes[-1].end if self.scenes else 0

    @property
    def seconds(self) -> float:
        return float(self.frames / self.rate)

    def samples(self, frame: int) -> int:
        """The sample that sounds as this frame is first seen."""
        return round(frame * SAMPLE_RATE / self.rate)


def arrange(timeline: Timeline, known: Mapping[str, Known]) -> Arrangement:
    """Of a document that `checking` found no error in."""
    rate = Fraction(timeline.canvas.frame_rate)
    scenes: list[Placed] = []
    for index, scene in enumerate(timeline.scenes):
        frames = frames_of(seconds_of(scene, known), rate)
        shared = shared_frames(scene.transition, rate) if scenes else 0
        begin = scenes[-1].end - shared if scenes else 0
        scenes.append(Placed(index, scene, begin, frames, shared))
    arrangement = Arrangement(
        timeline.canvas.width, timeline.canvas.height, rate, tuple(scenes)
    )
    return with_insets(arrangement, timeline.insets)


def with_insets(film: Arrangement, insets: tuple[Inset, ...]) -> Arrangement:
    placed = tuple(
        PlacedInset(
            index,
            each,
            min(round(each.at * film.rate), film.frames),
            frames_of(each.seconds, film.rate),
        )
        for index, each in enumerate(insets)
    )
    return Arrangement(film.width, film.height, film.rate, film.scenes, placed)


def seconds_of(scene: Scene, known: Mapping[str, Known]) -> float:
    if not isinstance(scene, Clip):
        return scene.seconds
    end = scene.end or known.get(scene.source.name, Known()).seconds
    return max(0.0, end - scene.start)


def frames_of(seconds: float, rate: Fraction) -> int:
    """The nearest whole number; what is there at all is seen for one frame."""
    return max(1, round(seconds * rate))


def shared_frames(transition: Transition, rate: Fraction) -> int:
    if transition.kind == "cut":
        return 0
    return frames_of(transition.seconds, rate)


def boundaries(film: Arrangement, *more: int) -> list[tuple[int, int]]:
    """The stretches of the film in which nothing begins or ends."""
    marks = {0, film.frames, *more}
    for each in film.scenes:
        marks |= {each.begin, each.begin + each.shared, each.end}
    for inset in film.insets:
        marks |= {inset.begin, inset.end}
    return list(pairwise(sorted(m for m in marks if 0 <= m <= film.frames)))


def by_machine(timeline: Timeline, known: Mapping[str, Known]) -> bool:
    """Whether the law on labelling applies; what a file says of itself counts, too."""
    return timeline.by_machine or any(
        known[name].ai for name in _names(timeline, known)
    )


def _names(timeline: Timeline, known: Mapping[str, Known]) -> list[str]:
    return [each.name for each in sources(timeline) if each.name in known]


def sources(timeline: Timeline) -> list[Source]:
    """Every file that the document names, each once."""
    parts = [*timeline.scenes, *timeline.insets, timeline.music]
    found = [each.source for each in parts if isinstance(each, Clip | Inset | Music)]
    return list({each.name: each for each in found}.values())
