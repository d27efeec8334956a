"""Topic ideas: what to make next, with the reason and the first sentence."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import style_of
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

_ANGLES_ZH = (
    "怎么做：{}",
    "最容易错的一步：{}",
    "为什么：{}",
    "一天记录：{}",
    "问答：{}",
)
_ANGLES_EN = (
    "How to: {}",
    "The usual mistake: {}",
    "Why: {}",
    "One day: {}",
    "Q&A: {}",
)


class IdeasWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    done: Annotated[tuple[Line, ...], Meta(max_length=100)] = ()
    season: Line = ""
    count: Annotated[int, Meta(ge=1, le=20)] = 10


class Idea(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="working title")]
    angle: Annotated[str, Meta(description="what is new about it")]
    first_line: Annotated[str, Meta(description="how it begins")]
    kind: Annotated[
        Literal["search", "talk", "series", "season"], Meta(description="why it runs")
    ]
    effort: Annotated[Literal["low", "medium", "high"], Meta(description="to make it")]


class Ideas(Result, frozen=True):
    ideas: Annotated[tuple[Idea, ...], Meta(min_length=1)]


SYSTEM = """
You plan what a creator's team makes next (选题). A topic is a question somebody has or
a scene somebody wants to see, small enough for one post, not a subject area.
- Exactly `count` ideas, no two that would show the same thing. At least a third can be
  made with what the brief names, without travel, guests or purchases.
- Mix by `kind`: `search` answers what people type and lasts for months; `talk` takes a
  side on which reasonable people differ; `series` can be continued with a number;
  `season` belongs to `season` and says until when it makes sense.
- `angle`: what makes this one different from the ten that exist: a constraint
  (一口锅), a number, a reversal, an unusual witness, a test. Not "全面解析".
- `firstLine` is spoken or read within three seconds.
- Nothing from `done` again, except as a continuation that says so. Nothing that needs
  facts nobody has, exploits an accident or a death, or gives medical, legal or
  financial advice.
- Order by expected value for the effort. Titles keep the platform's length.
"""


def bounds(wish: IdeasWish) -> tuple[Bound, ...]:
    style = style_of(wish.platform)
    return (
        Bound("ideas", wish.count, entries=True),
        Bound("ideas.title", style.title_max, style.title_count),
        Bound("ideas.firstLine", 120),
    )


def without_model(wish: IdeasWish) -> Ideas:
    angles = _ANGLES_EN if offline.said(wish.lang, "", "en") else _ANGLES_ZH
    said = offline.points(wish.brief, wish.count, wish.lang)
    return Ideas(
        tuple(
            _idea(offline.nth(angles, at // len(said)), said[at % len(said)])
            for at in range(min(wish.count, len(angles) * len(said)))
        )
    )


def _idea(angle: str, said: str) -> Idea:
    title = angle.format(offline.subject(said, 30))
    return Idea(title, angle.format("…"), said, "search", "low")


TOOL = structured(
    "topic-ideas",
    IdeasWish,
    Ideas,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    temperature=0.9,
    max_tokens=3000,
)
