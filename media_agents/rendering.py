"""One file for one destination: planned by its profile and checked against it."""

import asyncio
from fractions import Fraction
from math import sqrt
from pathlib import Path

from media_agents.conforming import fits, picture_copies
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.facts import Facts
from media_agents.muxing import progressive
from media_agents.package import Package
from media_agents.planning import COPIED_FROM, Plan, Rung, even, frame_rate, tracks_of
from media_agents.probe import probe
from media_agents.profiles import Profile
from media_agents.transcode import Renditions

# Room for sound, index and the encoder's own freedom within its buffer.
SHARE_OF_PICTURE = 0.9


def plan_for(facts: Facts, profile: Profile) -> Plan:
    """Raises MediaRefused for what no encoding can make fit."""
    _check_length(facts, profile)
    rate = min(frame_rate(facts), Fraction(profile.max_fps).limit_denominator(1001))
    rung = _rung(facts, profile)
    return Plan(
        rungs=(rung,),
        frame_rate=f"{rate.numerator}/{rate.denominator}",
        duration_ms=facts.duration_ms,
        video_index=facts.video_index,
        sounds=tracks_of(facts)[:1],
        deinterlace=facts.interlaced,
        to_sdr=facts.hdr,
        copies=_copies(facts, profile, rung),
        boxed=True,
        container=facts.container,
        edit_list=profile.edit_list == "allow",
        labels=facts.labels,
    )


def _check_length(facts: Facts, profile: Profile) -> None:
    if facts.kind != "video":
        raise MediaRefused(
            "no_video_stream",
            f"the file is {facts.kind} alone",
            "Ask for a video of a file with a moving picture.",
        )
    if profile.min_seconds <= facts.seconds <= profile.max_seconds:
        return
    raise MediaRefused(
        "does_not_fit",
        f"it lasts {facts.seconds:.1f} s",
        f"{profile.label} takes {profile.min_seconds:g} to {profile.max_seconds:g} s: "
        "cut it first.",
    )


def _rung(facts: Facts, profile: Profile) -> Rung:
    """Never larger than the source, but for what the destination asks at least.

    A picture of a shape that it does not take lies on black.
    """
    wide = facts.width * float(Fraction(facts.sar.replace(":", "/")))
    high = float(facts.height)
    short = max(min(wide, high, profile.short_side), profile.min_short_side)
    scale = short / min(wide, high)
    width, height = _shaped(wide * scale, high * scale, profile)
    fit = min(1.0, profile.max_width / width, profile.max_height / height)
    size = (even(width * fit), even(height * fit))
    return Rung(profile.name, *size, _cap(facts, profile))


def _shaped(width: float, height: float, profile: Profile) -> tuple[float, float]:
    aspect = width / height
    if profile.max_aspect and aspect > profile.max_aspect:
        return width, width / profile.max_aspect
    if profile.min_aspect and aspect < profile.min_aspect:
        return height * profile.min_aspect, height
    return width, height


def _cap(facts: Facts, profile: Profile) -> int:
    """So low that the whole file fits, too; a smaller picture needs less."""
    whole = profile.max_bytes * 8 * SHARE_OF_PICTURE / facts.seconds
    shown = min(1.0, min(facts.width, facts.height) / profile.short_side)
    wanted = profile.video_bit_rate * max(0.1, shown * sqrt(shown))
    return int(min(wanted, whole))


def _copies(facts: Facts, profile: Profile, rung: Rung) -> bool:
    plain = facts.container in COPIED_FROM and not facts.trimmed
    same = (rung.width, rung.height) == (facts.width, facts.height)
    edited = facts.edit_list and profile.edit_list == "forbid"
    plain = plain and same and not edited and not fits(facts, profile)
    return plain and not picture_copies(facts, profile.video_bit_rate)


async def render(
    made: Renditions, profile: Profile, out_dir: Path, *, engine: Engine, edited: bool
) -> Package:
    """Raises `MediaRefused("bad_output")` unless the file passes the check."""
    file = await progressive(made, out_dir, engine, edit_list=edited)
    facts = await probe(file.path, engine)
    if found := fits(facts, profile):
        raise MediaRefused("bad_output", "; ".join(map(str, found)))
    size = await asyncio.to_thread(lambda: file.path.stat().st_size)
    return Package(
        files=(file,),
        master="",
        progressive=file.name,
        bit_rate=round(size * 8 / facts.seconds),
        rung_bit_rates=(facts.video_bit_rate,),
        duration_ms=facts.duration_ms,
    )
