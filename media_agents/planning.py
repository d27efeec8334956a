"""What to make of a source: the ladder, the tracks, and what is copied as it is."""

from collections.abc import Sequence
from fractions import Fraction
from math import sqrt

from msgspec import Struct

from media_agents.conforming import picture_copies
from media_agents.errors import MediaRefused
from media_agents.facts import Facts, Sound
from media_agents.labelling import Labels

# Bits per second at which a rung is capped, by its short side.
CAPS = {
    "1080p": (1080, 5_000_000),
    "720p": (720, 2_800_000),
    "480p": (480, 1_400_000),
    "360p": (360, 800_000),
}
DEFAULT_RUNGS = 2
MIN_RATE = 10
MAX_RATE = 60
# Rungs closer than this in size are the same picture paid for twice.
LEAST_STEP = 1.15
MOST_TRACKS = 8
COPIED_FROM = frozenset({"mp4", "mov"})


class Rung(Struct, frozen=True):
    name: str
    width: int
    height: int
    max_bit_rate: int


class Track(Struct, frozen=True):
    """A track of sound or of words that goes along; the first is the default."""

    index: int
    language: str = ""
    title: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """What to make of one source; its JSON is the recipe part of a job's key.

    `copies`: the first rung is the source's own picture, and key frames of all others
    stand where its key frames stand. `boxed`: a picture of another shape than its rung
    lies on black. Without `edit_list` no frame is shown before one that follows it.
    `burnt` is the SHA-256 of words that become part of the picture. Each rung is scaled
    from the one before it; `through` are sizes before the first, which are not made.
    """

    rungs: tuple[Rung, ...]
    frame_rate: str
    duration_ms: int
    video_index: int
    sounds: tuple[Track, ...] = ()
    captions: tuple[Track, ...] = ()
    deinterlace: bool = False
    to_sdr: bool = False
    copies: bool = False
    boxed: bool = False
    edit_list: bool = True
    container: str = ""
    encoder: str = "libx264"
    labels: Labels = Labels()
    burnt: str = ""
    through: tuple[Rung, ...] = ()

    @property
    def encoded(self) -> tuple[Rung, ...]:
        return self.rungs[1:] if self.copies else self.rungs

    @property
    def seconds(self) -> float:
        return self.duration_ms / 1000


def plan(facts: Facts, profiles: Sequence[str] = (), *, copy: bool = True) -> Plan:
    """Asked-for profiles are all made; without any, the two best that differ.

    `copy` lets a conforming picture go along as it is. Raises MediaRefused.
    """
    _check(facts, profiles)
    rate = frame_rate(facts)
    rungs = _ladder(facts, profiles or tuple(CAPS), rate)
    rungs = rungs if profiles else rungs[:DEFAULT_RUNGS]
    return Plan(
        rungs=rungs,
        frame_rate=f"{rate.numerator}/{rate.denominator}",
        duration_ms=facts.duration_ms,
        video_index=facts.video_index,
        sounds=tracks_of(facts),
        captions=_captions(facts),
        deinterlace=facts.interlaced,
        to_sdr=facts.hdr,
        copies=copy and _copies(facts, rungs[0]),
        container=facts.container,
        labels=facts.labels,
    )


def _check(facts: Facts, profiles: Sequence[str]) -> None:
    if facts.kind != "video":
        raise MediaRefused(
            "no_video_stream",
            f"the file is {facts.kind} alone",
            "Ask for a video of a file with a moving picture.",
        )
    unknown = sorted(set(profiles) - set(CAPS))
    if unknown:
        raise MediaRefused(
            "unknown_profile",
            f"there is no profile {unknown[0]!r}",
            f"Choose from {', '.join(CAPS)}.",
        )


def _copies(facts: Facts, top: Rung) -> bool:
    """Nothing about the picture would change but its bits."""
    whole = (top.width, top.height) == (facts.width, facts.height)
    plain = facts.container in COPIED_FROM and not facts.trimmed
    return whole and plain and not picture_copies(facts, top.max_bit_rate)


def tracks_of(facts: Facts) -> tuple[Track, ...]:
    """Sound: the default first."""
    return tuple(_track(each) for each in facts.sounds[:MOST_TRACKS])


def _track(sound: Sound) -> Track:
    return Track(sound.index, sound.language, sound.title)


def _captions(facts: Facts) -> tuple[Track, ...]:
    """Those made of pictures stay where they are: nothing reads them."""
    words = [each for each in facts.captions if each.text][:MOST_TRACKS]
    return tuple(Track(each.index, each.language, each.title) for each in words)


def frame_rate(facts: Facts) -> Fraction:
    rate = Fraction(facts.frame_rate)
    if facts.vfr:
        # An average of 23.4 means nothing to a player; the next usual rate does.
        usual = (r for r in (10, 15, 24, 25, 30, 50, 60) if r >= rate - Fraction(1, 5))
        rate = Fraction(next(usual, MAX_RATE))
    return max(Fraction(MIN_RATE), min(Fraction(MAX_RATE), rate))


def _ladder(facts: Facts, profiles: Sequence[str], rate: Fraction) -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    # From the smallest up, so that a small source gets the name that fits it.
    for name in sorted(profiles, key=lambda p: CAPS[p][0]):
        rung = _rung(name, facts, rate)
        if not rungs or rung.height >= rungs[-1].height * LEAST_STEP:
            rungs.append(rung)
        elif rung.height > rungs[-1].height:
            rungs[-1] = rung
    return tuple(reversed(rungs))


def _rung(name: str, facts: Facts, rate: Fraction) -> Rung:
    short, cap = CAPS[name]
    wide, high = (
        facts.width * float(Fraction(facts.sar.replace(":", "/"))),
        facts.height,
    )
    # The area keeps very wide pictures within the level a 16:9 one needs.
    area = short * short * 16 / 9 * 1.05
    scale = min(1.0, short / min(wide, high), sqrt(area / (wide * high)))
    fast = rate > 30
    return Rung(
        name,
        even(wide * scale),
        even(high * scale),
        cap * 3 // 2 if fast else cap,
    )


def even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def weighted_seconds(wanted: Plan) -> float:
    """Encoding cost in seconds of 1080p30 (measured: cost grows with pixels^0.75)."""
    pace = float(Fraction(wanted.frame_rate)) / 30
    sizes = [pow(r.width * r.height / 2_073_600, 0.75) for r in wanted.encoded]
    return float(wanted.seconds * pace * sum(sizes))
