"""What a film will last and cost, before any of it is drawn."""

from collections.abc import Mapping

from msgspec import Struct

from media_agents.composing.arranging import Arrangement, Known, arrange, by_machine
from media_agents.composing.checking import check
from media_agents.composing.narrating import spoken_seconds
from media_agents.composing.problems import Problem, errors
from media_agents.profiles import profiles
from schemas.timeline import Timeline

# 1080p30 with `veryfast`, in processor seconds for a second of film (media.md 3.1):
# encoding, decoding and scaling what is seen, and the sound's few passes.
ENCODING, READING, SOUND = 0.9, 0.45, 0.2
FULL_HD = 1920 * 1080


class Estimate(Struct, frozen=True, kw_only=True):
    """`weighted_seconds` are seconds of 1080p30: cost grows with pixels^0.75."""

    seconds: float = 0.0
    frames: int = 0
    narration_seconds: float = 0.0
    weighted_seconds: float = 0.0
    cpu_seconds: float = 0.0
    by_machine: bool = False


class DryRun(Struct, frozen=True):
    """With an error the film cannot be made, and nothing is known of its cost."""

    estimate: Estimate
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not errors(self.problems)


def dry_run(
    timeline: Timeline, known: Mapping[str, Known], destination: str = ""
) -> DryRun:
    """Pure: nothing is opened, spoken or drawn."""
    found = tuple(check(timeline, known, destination=destination))
    if errors(found):
        return DryRun(Estimate(by_machine=by_machine(timeline, known)), found)
    film = arrange(timeline, known)
    return DryRun(estimate(timeline, film, known, destination), found)


def estimate(
    timeline: Timeline,
    film: Arrangement,
    known: Mapping[str, Known],
    destination: str = "",
) -> Estimate:
    weighted = _weighted(film.seconds, film.width, film.height, float(film.rate))
    cpu = weighted * ENCODING + film.seconds * SOUND + _reading(film, known)
    if destination in profiles():
        # The destination's own file is encoded out of the film once more.
        cpu += weighted * (ENCODING + READING)
        weighted *= 2
    spoken = sum(map(spoken_seconds, timeline.narration))
    return Estimate(
        seconds=round(film.seconds, 3),
        frames=film.frames,
        narration_seconds=round(spoken, 1),
        weighted_seconds=round(weighted, 2),
        cpu_seconds=round(cpu, 1),
        by_machine=by_machine(timeline, known),
    )


def _weighted(seconds: float, width: int, height: int, rate: float) -> float:
    return float(seconds * pow(width * height / FULL_HD, 0.75) * rate / 30)


def _reading(film: Arrangement, known: Mapping[str, Known]) -> float:
    """Every picture that is seen is decoded and scaled, insets too."""
    total = 0.0
    seen = [(each.scene, each.frames) for each in film.scenes]
    for scene, frames in seen:
        source = getattr(scene, "source", None)
        found = known.get(source.name) if source else None
        if found is not None:
            total += _weighted(float(frames / film.rate), found.width, found.height, 30)
    for inset in film.insets:
        found = known.get(inset.inset.source.name, Known())
        seconds = float(inset.frames / film.rate)
        total += _weighted(seconds, found.width, found.height, 30)
    return total * READING
