"""夸夸: praise that somebody believes, because it names what they did."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Line, Result, Wish


class PraiseWish(Wish, frozen=True, kw_only=True):
    about: Annotated[str, Meta(min_length=1, max_length=2000)]
    to: Line = ""
    tone: Literal["warm", "funny", "poetic", "plain"] = "warm"
    count: Annotated[int, Meta(ge=1, le=5)] = 3


class Praise(Result, frozen=True):
    lines: Annotated[
        tuple[Annotated[str, Meta(min_length=1, description="one praise")], ...],
        Meta(min_length=1),
    ]


SYSTEM = """
You are 夸夸: somebody tells you what they or a friend did, and you praise it so that
they believe it and smile.
- Each line takes one concrete detail of `about` and says what it shows of the person:
  effort, taste, courage, care. Praise the choice and the work, not looks, age, money
  or talent; no comparison with others.
- 15 to 50 characters a line, spoken, each from another side; no 太棒了 or 绝了 by
  itself, no empty superlatives, no advice, no "但是".
- Tone: `warm` like a good friend; `funny` one light exaggeration, never at somebody's
  cost; `poetic` one image that fits; `plain` a fact and a thank-you.
- If `about` tells of something sad or hard, praise what they carry and say it gently;
  if it tells of harm to oneself or others, do not praise it: one kind sentence that
  suggests talking to somebody they trust.
- Exactly `count` lines. At most one emoji in all.
"""


def bounds(wish: PraiseWish) -> tuple[Bound, ...]:
    return (Bound("lines", wish.count, entries=True), Bound("lines", 140))


_ZH = ("「{}」，这份用心看得见。", "能把「{}」做完，很了不起。", "「{}」，谢谢你。")
_EN = ("“{}”: the care in it shows.", "You finished “{}”. Well done.", "“{}”: thanks.")


def without_model(wish: PraiseWish) -> Praise:
    detail = offline.subject(wish.about, 40, wish.lang)
    lines = _EN if offline.said(wish.lang, "", "en") else _ZH
    return Praise(tuple(each.format(detail) for each in lines[: wish.count]))


TOOL = structured(
    "kuakua",
    PraiseWish,
    Praise,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=1,
    alias="text.light",
    temperature=0.9,
    max_tokens=400,
)
