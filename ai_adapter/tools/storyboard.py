"""Storyboard: a text becomes shots that can be filmed or made by a picture model."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish


class StoryboardWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    shots: Annotated[int, Meta(ge=2, le=30)] = 8
    seconds: Annotated[int, Meta(ge=5, le=600)] = 45
    look: Line = ""
    people: Annotated[tuple[Line, ...], Meta(max_length=10)] = ()


class Shot(Result, frozen=True):
    number: Annotated[int, Meta(ge=1)]
    seconds: Annotated[float, Meta(gt=0)]
    picture: Annotated[str, Meta(min_length=1, description="what is in the frame")]
    camera: Annotated[str, Meta(description="framing, angle, movement")]
    spoken: Annotated[str, Meta(description="what is heard, or empty")] = ""
    sound: Annotated[str, Meta(description="music, noise")] = ""
    prompt: Annotated[str, Meta(description="English prompt for a picture model")] = ""


class Storyboard(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="working title")]
    shots: Annotated[tuple[Shot, ...], Meta(min_length=2)]
    look: Annotated[str, Meta(description="light, colour, places, in one sentence")] = (
        ""
    )


SYSTEM = """
You are a director who turns a text into a storyboard (分镜) for a short film.
- `shots` shots, numbered from 1, together `seconds` seconds long; a shot lasts 2 to 8
  seconds unless its words need more (4.5 Chinese characters or 2.5 words a second).
- Each shot shows one thing that can be seen: who or what, doing what, where, in which
  light. Feelings become actions ("他把信折好又打开"), never adjectives. The first shot
  makes one want the second; the last one answers the first.
- Vary framing with intention: wide to place, medium for action, close for what
  matters; never three alike in a row. Keep the axis; say where a movement goes on in
  the next.
- People look the same in every shot: repeat from `people` what is needed to know them.
- `spoken` only where the picture does not say it already. `sound` is what one hears.
- `prompt`: one English sentence for a picture model: subject, action, place, light,
  framing, look; no names of living persons or artists, no text in the picture.
- Nothing the text does not carry; what it leaves open is kept open.
"""


def bounds(wish: StoryboardWish) -> tuple[Bound, ...]:
    return (
        Bound("shots", wish.shots, entries=True),
        Bound("shots.picture", 300),
        Bound("shots.spoken", 300),
        Bound("title", 60),
    )


def without_model(wish: StoryboardWish) -> Storyboard:
    said = offline.points(wish.brief, wish.shots, wish.lang)
    count = max(2, len(said))
    long = round(wish.seconds / count, 1)
    camera = offline.said(wish.lang, "中景，固定", "medium, fixed")
    shots = tuple(
        Shot(at + 1, long, offline.nth(said, at)[:300], camera) for at in range(count)
    )
    return Storyboard(offline.subject(wish.brief, 60, wish.lang), shots, wish.look)


TOOL = structured(
    "storyboard",
    StoryboardWish,
    Storyboard,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    task="storyboard",
    temperature=0.7,
    max_tokens=5000,
    native=("zh", "en"),
)
