"""Everything that is wrong with a timeline, without touching a picture or a sound."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

from media_agents.composing.arranging import (
    Arrangement,
    Known,
    arrange,
    frames_of,
    seconds_of,
    shared_frames,
)
from media_agents.composing.cards import check_card, check_mark
from media_agents.composing.narrating import LANGUAGES, spoken_seconds
from media_agents.composing.problems import Problem, errors
from media_agents.profiles import profiles
from schemas.timeline import Canvas, Clip, Inset, Source, Timeline, Title

MOST_SCENES = 100
MOST_INSETS = 20
MOST_LINES = 200
MOST_SECONDS = 3600.0
MOST_TRANSITION_S = 5.0
LEAST_SIDE, MOST_SIDE = 128, 3840
MOST_PIXELS = 3840 * 2160
RATES = ("24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001")
GAIN_DB = 40.0
# No voice speaks faster than this share of what a text is reckoned to take.
FASTEST = 0.6
# A cut may miss the end of a file by less than a frame of the slowest film.
SLACK_S = 0.05
NOTHING = Known(
    code="source_missing",
    detail="there is no such file",
    remedy="Name an asset that is ready, or upload the file first.",
)


def check(
    timeline: Timeline, known: Mapping[str, Known], *, destination: str = ""
) -> list[Problem]:
    """Errors and warnings, in the order of the document."""
    found = [*_canvas(timeline), *_counts(timeline)]
    canvas = Canvas() if found else timeline.canvas
    size = (canvas.width, canvas.height)
    for index, scene in enumerate(timeline.scenes[:MOST_SCENES]):
        found += _scene(f"/scenes/{index}", scene, known, size)
    found += _transitions(timeline, known) if not found else []
    found += _music(timeline, known)
    found += _lines(timeline)
    for index, inset in enumerate(timeline.insets):
        found += _inset(f"/insets/{index}", inset, known)
    found += _marks(timeline, destination, size)
    return found if errors(found) else [*found, *_whole(timeline, known)]


def _canvas(timeline: Timeline) -> Iterator[Problem]:
    canvas = timeline.canvas
    for name, side in (("width", canvas.width), ("height", canvas.height)):
        if not LEAST_SIDE <= side <= MOST_SIDE or side % 2:
            yield Problem(
                f"/canvas/{name}",
                "bad_canvas",
                f"a picture cannot be {side} pixels here",
                f"Use an even number from {LEAST_SIDE} to {MOST_SIDE}.",
            )
    if canvas.width * canvas.height > MOST_PIXELS:
        detail = f"{canvas.width}x{canvas.height} is more than 4K"
        yield Problem("/canvas", "bad_canvas", detail, "Make the picture smaller.")
    if canvas.frame_rate not in RATES:
        yield Problem(
            "/canvas/frameRate",
            "bad_frame_rate",
            f"{canvas.frame_rate[:20]!r} is no rate of ours",
            f"Use one of: {', '.join(RATES)}.",
        )


def _counts(timeline: Timeline) -> Iterator[Problem]:
    if not timeline.scenes:
        yield Problem(
            "/scenes",
            "timeline_empty",
            "there is no scene in it",
            "Add a clip or a title card.",
        )
    for name, count, most in (
        ("scenes", len(timeline.scenes), MOST_SCENES),
        ("insets", len(timeline.insets), MOST_INSETS),
        ("narration", len(timeline.narration), MOST_LINES),
    ):
        if count > most:
            yield Problem(
                f"/{name}",
                "too_many",
                f"there are {count} {name}, {most} are allowed",
                "Make two films of it and join them.",
            )


def _scene(
    pointer: str,
    scene: Clip | Title,
    known: Mapping[str, Known],
    size: tuple[int, int],
) -> Iterator[Problem]:
    if isinstance(scene, Title):
        yield from _range(f"{pointer}/seconds", scene.seconds, 0.1, 600)
        wrong = list(_range(f"{pointer}/size", scene.size, 0.02, 0.5))
        yield from wrong or check_card(pointer, scene, size)
        return
    yield from _range(f"{pointer}/gainDb", scene.gain_db, -GAIN_DB, GAIN_DB)
    yield from _picture(pointer, scene.source, known)
    yield from _stretch(pointer, scene.start, scene.end, _of(scene.source, known))


def _picture(
    pointer: str, source: Source, known: Mapping[str, Known]
) -> Iterator[Problem]:
    yield from _source(f"{pointer}/source", source, known)
    found = _of(source, known)
    if not found.code and not found.picture:
        yield Problem(
            f"{pointer}/source",
            "no_picture",
            "this file has no moving picture",
            "Use a video here; a sound alone can be the music.",
        )


def _source(
    pointer: str, source: Source, known: Mapping[str, Known]
) -> Iterator[Problem]:
    given = [bool(each) for each in (source.asset, source.object_key, source.file)]
    if sum(given) != 1 or bool(source.object_key) != bool(source.sha256):
        yield Problem(
            pointer,
            "bad_source",
            "it does not name one file",
            "Give asset, or objectKey with sha256, or (locally) file.",
        )
        return
    found = _of(source, known)
    if found.code:
        yield Problem(pointer, found.code, found.detail, found.remedy)


def _of(source: Source, known: Mapping[str, Known]) -> Known:
    return known.get(source.name, NOTHING)


def _stretch(pointer: str, start: float, end: float, found: Known) -> Iterator[Problem]:
    if found.code or not found.picture:
        return
    if not 0 <= start < found.seconds:
        yield _outside(f"{pointer}/start", start, found)
    elif end and not start < end <= found.seconds + SLACK_S:
        yield _outside(f"{pointer}/end", end, found)


def _outside(pointer: str, at: float, found: Known) -> Problem:
    return Problem(
        pointer,
        "cut_outside",
        f"{at:g} s is no place to cut a file of {found.seconds:.3f} s",
        "Let start come before end, both within the file.",
    )


def _range(pointer: str, value: float, least: float, most: float) -> Iterator[Problem]:
    if not least <= value <= most:
        yield Problem(
            pointer,
            "out_of_range",
            f"{value:g} is not allowed here",
            f"Use a number from {least:g} to {most:g}.",
        )


def _transitions(timeline: Timeline, known: Mapping[str, Known]) -> Iterator[Problem]:
    rate = Fraction(timeline.canvas.frame_rate)
    wrong = [
        problem
        for index, scene in enumerate(timeline.scenes)
        if scene.transition.kind != "cut"
        for problem in _range(
            f"/scenes/{index}/transition/seconds",
            scene.transition.seconds,
            0.04,
            MOST_TRANSITION_S,
        )
    ]
    yield from wrong
    if wrong:
        return
    shared = [shared_frames(each.transition, rate) for each in timeline.scenes]
    if shared[0]:
        yield Problem(
            "/scenes/0/transition",
            "transition_first",
            "nothing comes before the first scene",
            "Leave its transition out.",
        )
    lengths = [frames_of(seconds_of(s, known), rate) for s in timeline.scenes]
    for index, (coming, going) in enumerate(pairwise([*shared, 0])):
        if coming + going > lengths[index]:
            yield Problem(
                f"/scenes/{index}",
                "transition_too_long",
                "the transitions around this scene are longer than the scene",
                "Shorten the transitions or lengthen the scene.",
            )


def _music(timeline: Timeline, known: Mapping[str, Known]) -> Iterator[Problem]:
    music = timeline.music
    if music is None:
        return
    yield from _source("/music/source", music.source, known)
    yield from _range("/music/gainDb", music.gain_db, -GAIN_DB, GAIN_DB)
    yield from _range("/music/fadeOut", music.fade_out, 0, 60)
    found = _of(music.source, known)
    if found.code:
        return
    if not found.sound:
        yield Problem(
            "/music/source",
            "no_sound",
            "this file has no sound",
            "Use a file that can be heard.",
        )
    elif not 0 <= music.start < found.seconds:
        yield _outside("/music/start", music.start, found)


def _lines(timeline: Timeline) -> Iterator[Problem]:
    after = 0.0
    for index, line in enumerate(timeline.narration):
        pointer = f"/narration/{index}"
        yield from _range(f"{pointer}/gainDb", line.gain_db, -GAIN_DB, GAIN_DB)
        if not line.text.strip() or len(line.text) > 2000:
            detail = f"it has {len(line.text.strip())} characters to speak"
            remedy = "Write 1 to 2000 characters."
            yield Problem(f"{pointer}/text", "bad_narration", detail, remedy)
        if line.language not in LANGUAGES:
            detail = f"no voice of ours speaks {line.language[:20]!r}"
            remedy = f"Use one of: {', '.join(LANGUAGES)}."
            yield Problem(f"{pointer}/language", "no_voice", detail, remedy)
        if line.at is not None and not 0 <= line.at <= MOST_SECONDS:
            yield from _range(f"{pointer}/at", line.at, 0, MOST_SECONDS)
        at = after if line.at is None else line.at
        if at < after:
            yield _overlaps(pointer, at, after)
        after = at + FASTEST * spoken_seconds(line)


def _overlaps(pointer: str, at: float, after: float) -> Problem:
    return Problem(
        f"{pointer}/at",
        "narration_overlaps",
        f"it begins at {at:g} s while the words before it last at least until about "
        f"{after:.1f} s",
        "Let it begin later, or leave `at` out: then it follows by itself.",
    )


def _marks(
    timeline: Timeline, destination: str, size: tuple[int, int]
) -> Iterator[Problem]:
    known = profiles()
    if destination and destination not in known:
        detail = f"there is no destination {destination[:40]!r}"
        yield Problem("", "unknown_destination", detail, _names(known))
    for index, mark in enumerate(timeline.marks):
        pointer, name = f"/marks/{index}", mark.destination
        if name not in known:
            where, detail = f"{pointer}/destination", f"there is no {name[:40]!r}"
            yield Problem(where, "unknown_destination", detail, _names(known))
            continue
        if name in (each.destination for each in timeline.marks[:index]):
            detail, remedy = f"{name} has its marks already", "Join the two."
            yield Problem(f"{pointer}/destination", "mark_twice", detail, remedy)
        yield from _range(f"{pointer}/opacity", mark.opacity, 0.05, 1)
        yield from check_mark(pointer, mark, size)
        if mark.watermark and mark.corner == timeline.ai_mark.corner:
            yield Problem(
                f"{pointer}/corner",
                "corner_taken",
                "the mark of AI may have to stand in this corner",
                "Choose another corner for the watermark, or for aiMark.",
            )
        if known[name].watermark == "forbid" and (mark.watermark or mark.copyright):
            yield Problem(
                pointer,
                "mark_forbidden",
                f"{known[name].label} takes no brand marks: they are left out there",
                "Nothing to do; the copyright note still goes into the file's data.",
                "warning",
            )


def _names(known: Mapping[str, object]) -> str:
    return f"Use one of: {', '.join(known)}."


def _inset(pointer: str, inset: Inset, known: Mapping[str, Known]) -> Iterator[Problem]:
    yield from _picture(pointer, inset.source, known)
    yield from _range(f"{pointer}/scale", inset.scale, 0.05, 1)
    yield from _range(f"{pointer}/at", inset.at, 0, MOST_SECONDS)
    yield from _range(f"{pointer}/seconds", inset.seconds, 0.1, MOST_SECONDS)
    found = _of(inset.source, known)
    if found.code or not found.picture:
        return
    end = inset.start + inset.seconds
    if not (inset.start >= 0 and end <= found.seconds + SLACK_S):
        yield _outside(f"{pointer}/start", end, found)


def _whole(timeline: Timeline, known: Mapping[str, Known]) -> Iterator[Problem]:
    """What only shows once everything has its place."""
    film = arrange(timeline, known)
    if film.seconds > MOST_SECONDS:
        yield Problem(
            "/scenes",
            "timeline_too_long",
            f"the film would last {film.seconds:.0f} s",
            f"Keep it below {MOST_SECONDS:.0f} s.",
        )
    for index, inset in enumerate(timeline.insets):
        if inset.at + inset.seconds > film.seconds + SLACK_S:
            yield _late(f"/insets/{index}", inset, film)
    yield from _outlasting(timeline, film)


def _late(pointer: str, inset: Inset, film: Arrangement) -> Problem:
    return Problem(
        f"{pointer}/seconds",
        "inset_outside",
        f"it would be seen until {inset.at + inset.seconds:g} s and the film ends at "
        f"{film.seconds:.3f} s",
        "Show it earlier or shorter.",
    )


def _outlasting(timeline: Timeline, film: Arrangement) -> Iterator[Problem]:
    """Only a warning: how fast a voice speaks is known once it has spoken."""
    last = 0.0
    for index, line in enumerate(timeline.narration):
        last = (last if line.at is None else line.at) + spoken_seconds(line)
        if last > film.seconds:
            yield Problem(
                f"/narration/{index}",
                "narration_too_long",
                f"the words end at about {last:.1f} s, the film at {film.seconds:.1f}",
                "Speak less, begin earlier, or add a title card at the end.",
                "warning",
            )
