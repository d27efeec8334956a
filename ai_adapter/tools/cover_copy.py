"""Cover copy: the few large words on a picture that is as small as a stamp."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

MAIN = 10
SUB = 14


class CoverWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    title: Line = ""
    picture: Line = ""
    count: Annotated[int, Meta(ge=1, le=6)] = 3


class Cover(Result, frozen=True):
    main: Annotated[str, Meta(min_length=1, description="the large words")]
    sub: Annotated[str, Meta(description="the small words, or empty")] = ""
    stress: Annotated[str, Meta(description="the part of main in colour")] = ""
    place: Annotated[str, Meta(description="where it stands on the picture")] = ""


class Covers(Result, frozen=True):
    covers: Annotated[tuple[Cover, ...], Meta(min_length=1)]


SYSTEM = f"""
You write the words on covers of videos and notes (封面文案). A cover is seen as large
as a stamp for half a second, beside its title.
- Exactly `count` covers, each with another idea: the result, the number, the question,
  the contrast, the warning.
- `main`: at most {MAIN} Chinese characters or four English words; readable without the
  title and not its repetition (`title` is shown beside it). Two lines at most, broken
  with \\n where one breathes. No full stop.
- `sub`: at most {SUB} characters, only if it makes `main` clearer: for whom, how much,
  in which series. Otherwise empty.
- `stress`: the one word or number within `main` to set in colour, exactly as it
  stands.
- `place`: top, bottom, left or right, so that it covers neither a face nor the object
  (`picture`), and not the lower right corner, where the duration is shown.
- What the cover promises is in the material. No 震惊, no "最", no arrows described.
"""


def bounds(wish: CoverWish) -> tuple[Bound, ...]:
    return (
        Bound("covers", wish.count, entries=True),
        Bound("covers.main", 2 * MAIN, "halves"),
        Bound("covers.sub", SUB, "halves"),
    )


def without_model(wish: CoverWish) -> Covers:
    said = offline.points(wish.brief, wish.count, wish.lang)
    place = offline.said(wish.lang, "上方", "top")
    return Covers(
        tuple(
            Cover(offline.subject(each, MAIN, wish.lang), place=place) for each in said
        )
    )


TOOL = structured(
    "cover-copy",
    CoverWish,
    Covers,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=1,
    temperature=0.9,
    max_tokens=600,
)
