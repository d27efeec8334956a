"""塔罗: three cards drawn by the question itself, read as a mirror and not as fate."""

import hashlib
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Result, Wish

MAJOR = (
    "愚者", "魔术师", "女祭司", "皇后", "皇帝", "教皇", "恋人", "战车", "力量",
    "隐士", "命运之轮", "正义", "倒吊人", "死神", "节制", "恶魔", "高塔", "星星",
    "月亮", "太阳", "审判", "世界",
)  # fmt: skip
Place: TypeAlias = Literal["past", "present", "next"]
PLACES: tuple[Place, ...] = ("past", "present", "next")


class TarotWish(Wish, frozen=True, kw_only=True):
    """`day` (or any other word) lets the same question draw again."""

    question: Annotated[str, Meta(min_length=1, max_length=500)]
    day: Annotated[str, Meta(max_length=40)] = ""


class Card(Result, frozen=True):
    name: Annotated[str, Meta(min_length=1, description="as drawn")]
    place: Annotated[Place, Meta(description="where")]
    reading: Annotated[str, Meta(min_length=1, description="two sentences")]


class Reading(Result, frozen=True):
    cards: Annotated[tuple[Card, ...], Meta(min_length=3, max_length=3)]
    together: Annotated[str, Meta(min_length=1, description="what they say together")]
    step: Annotated[str, Meta(min_length=1, description="one small step to take")]
    notice: Annotated[str, Meta(description="that this is entertainment")]


SYSTEM = """
You read three cards (塔罗) for entertainment. The draw is given in the field `cards`,
in the order past, present, next, as `name upright` or `name reversed`; keep it as it
is.
- Each reading takes the card's traditional picture and ties it to a word of the
  question, in two sentences, as a question or a picture the person may hold up to
  themselves. A reversed card is a force held back, not bad luck.
- Never predict: no events, dates, deaths, illness, pregnancies, winnings, verdicts, no
  statement about what another person thinks. No advice on medicine, law or money;
  where the question asks for it, say kindly whom to ask instead and read only the
  mood.
- `together` joins the three in two sentences; `step` is one thing to do within a day
  that costs nothing and harms nobody. Warm, clear, a little poetic, no mystical fog.
- `notice` says in one short sentence that this is for entertainment.
"""


def drawn(wish: TarotWish) -> tuple[str, ...]:
    """Three different cards; the same question and day draw the same ones."""
    seed = hashlib.sha256(f"{wish.question}\n{wish.day}".encode()).digest()
    left = list(MAJOR)
    names = (left.pop(seed[at] % len(left)) for at in range(len(PLACES)))
    ways = ("upright" if seed[at + 8] % 2 else "reversed" for at in range(len(PLACES)))
    return tuple(f"{name} {way}" for name, way in zip(names, ways, strict=True))


def draw(wish: TarotWish) -> tuple[str, ...]:
    return ("cards: " + ", ".join(drawn(wish)),)


def bounds(_wish: TarotWish) -> tuple[Bound, ...]:
    return (Bound("cards.reading", 200), Bound("together", 300), Bound("step", 120))


def without_model(wish: TarotWish) -> Reading:
    hint = offline.said(
        wish.lang,
        "看看这张牌的画面，想到的第一件事是什么？",
        "Look at the picture of this card: what comes to mind first?",
    )
    cards = tuple(
        Card(name, place, hint) for name, place in zip(drawn(wish), PLACES, strict=True)
    )
    return Reading(
        cards,
        offline.said(wish.lang, "三张牌放在一起，由你来读。", "Read them together."),
        offline.said(
            wish.lang, "写下你的第一个念头。", "Write your first thought down."
        ),
        offline.said(wish.lang, "仅供娱乐。", "For entertainment only."),
    )


TOOL = structured(
    "tarot",
    TarotWish,
    Reading,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    extra=draw,
    weight=1,
    alias="text.light",
    temperature=0.9,
    max_tokens=700,
)
