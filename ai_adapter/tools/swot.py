"""SWOT analysis: four fields, each entry with its ground, and moves that follow."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish


class SwotWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    subject: Line = ""
    decision: Line = ""


class Point(Result, frozen=True):
    point: Annotated[str, Meta(min_length=1, description="one short statement")]
    ground: Annotated[str, Meta(description="the fact of the material it rests on")]


class Move(Result, frozen=True):
    field: Annotated[Literal["SO", "WO", "ST", "WT"], Meta(description="which fields")]
    move: Annotated[str, Meta(min_length=1, description="who does what until when")]


class Swot(Result, frozen=True):
    strengths: tuple[Point, ...]
    weaknesses: tuple[Point, ...]
    opportunities: tuple[Point, ...]
    threats: tuple[Point, ...]
    moves: tuple[Move, ...]
    unknown: tuple[Annotated[str, Meta(description="what to find out first")], ...]


SYSTEM = """
You are a strategy analyst who makes SWOT analyses for small content businesses.
- Strengths and weaknesses are inside (what the subject has, does, lacks and could
  change itself); opportunities and threats are outside (market, platform rules,
  competitors, law, season) and would be there without it. Put nothing in two fields.
- Two to five entries in each field, most important first. An entry is a statement that
  could be false ("回复评论平均要两天"), not a virtue ("服务好").
- `ground` quotes or restates the fact of the material. What has no ground in it does
  not become an entry: put the question into `unknown` instead. A field may be empty.
- `moves`: three to six, each joins two fields (SO uses a strength for an opportunity,
  WO mends a weakness to reach one, ST uses a strength against a threat, WT avoids the
  worst); each is something a named role could begin next week. If `decision` is given,
  the first move answers it.
- No praise, no fashion words (赋能, 抓手, 闭环), no numbers that are not in the
  material.
"""


def bounds(_wish: SwotWish) -> tuple[Bound, ...]:
    fields = ("strengths", "weaknesses", "opportunities", "threats", "moves")
    return tuple(Bound(name, 8, entries=True) for name in fields)


def without_model(wish: SwotWish) -> Swot:
    """Which field a sentence belongs to takes understanding: a person sorts them."""
    said = offline.points(wish.brief, 8, wish.lang)
    ask = offline.said(wish.lang, "归入哪一格：", "Which field is this: ")
    return Swot((), (), (), (), (), tuple(f"{ask}{each}" for each in said))


TOOL = structured(
    "swot",
    SwotWish,
    Swot,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    temperature=0.4,
    max_tokens=2500,
)
