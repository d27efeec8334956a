"""Sales talk: answers for a private chat with somebody who might buy."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Line, Result, Wish


class SalesWish(Wish, frozen=True, kw_only=True):
    offer: Annotated[str, Meta(min_length=1, max_length=5000)]
    said: Annotated[str, Meta(max_length=5000)] = ""
    stage: Literal["opening", "need", "objection", "price", "closing", "after"] = "need"
    rules: Annotated[tuple[Line, ...], Meta(max_length=50)] = ()


class Turn(Result, frozen=True):
    line: Annotated[str, Meta(min_length=1, description="what is written in the chat")]
    aim: Annotated[str, Meta(description="what it wants to find out or to settle")]


class SalesTalk(Result, frozen=True):
    turns: Annotated[tuple[Turn, ...], Meta(min_length=1)]
    if_no: Annotated[str, Meta(description="a friendly way out if they decline")]
    check: tuple[
        Annotated[str, Meta(description="what a colleague confirms")], ...
    ] = ()


SYSTEM = """
You write lines for a consultant who answers people in a private chat (私信, 企业微信).
They came from a video, have little time, and have been sold to before.
- One to four `turns`, in the order in which they may be sent; each at most 80
  characters and at most one question. Answer what they said (`said`) before asking
  anything.
- By stage: `opening` refers to what they wrote and asks for their situation, no
  product; `need` finds out for what, by when, what they tried; `objection` repeats it
  in their words, gives one fact of the offer, offers a comparison or a small trial;
  `price` gives the price as in the offer with what it contains and what it does not,
  then stops; `closing` names the next step and what it costs in time; `after` asks how
  it went.
- Honest: only what `offer` holds; say for whom it is not. No invented scarcity, no
  countdown, no "最后名额", no claims against competitors, no guarantee, nothing on
  healing or income. Rules of the house (`rules`) win.
- Never ask for a phone number, ID or payment data in the chat; name the form or page
  from the offer for that.
- `ifNo`: one sentence that lets them go well. `check`: what has to be confirmed before
  sending (stock, dates, terms).
"""


def bounds(_wish: SalesWish) -> tuple[Bound, ...]:
    return (
        Bound("turns", 4, entries=True),
        Bound("turns.line", 160),
        Bound("ifNo", 160),
    )


def without_model(wish: SalesWish) -> SalesTalk:
    line = offline.said(
        wish.lang,
        "您好，您的消息收到了。方便说说您的情况和想解决的问题吗？",
        "Hello, your message has arrived. What would you like to solve, and by when?",
    )
    aim = offline.said(wish.lang, "了解需求", "learn what is needed")
    way_out = offline.said(wish.lang, "没关系，需要时随时找我们。", "Any time later.")
    return SalesTalk((Turn(line, aim),), way_out, offline.points(wish.offer, 5))


TOOL = structured(
    "sales-talk",
    SalesWish,
    SalesTalk,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    task="reply",
    max_tokens=900,
)
