"""Comment reply: an answer in public, and when a person has to take over."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Line, Result, Wish


class ReplyWish(Wish, frozen=True, kw_only=True):
    comment: Annotated[str, Meta(min_length=1, max_length=5000)]
    post: Annotated[str, Meta(max_length=5000)] = ""
    known: Annotated[tuple[Line, ...], Meta(max_length=50)] = ()
    voice: Line = ""
    count: Annotated[int, Meta(ge=1, le=3)] = 2


class Reply(Result, frozen=True):
    mood: Annotated[
        Literal["question", "praise", "complaint", "attack", "joke", "spam"],
        Meta(description="what the comment is"),
    ]
    replies: Annotated[
        tuple[Annotated[str, Meta(min_length=1, description="one reply")], ...],
        Meta(min_length=1),
    ]
    person: Annotated[bool, Meta(description="a person must look at it")] = False
    why: Annotated[str, Meta(description="why a person is needed")] = ""


SYSTEM = """
You answer comments below a creator's posts, in public, where a hundred others read
along.
- First decide what the comment is (`mood`), then write `count` replies to choose from,
  different in approach, each at most three sentences and 100 characters; shorter than
  the comment if that is possible. Sound like the account (`voice`), not like a call
  centre: no "亲", no "感谢您的支持" by itself, use the commenter's own word for the
  thing.
- `question`: the answer first, from `known` or `post` only; what is not there you do
  not know: say that somebody will look it up. `praise`: take up the detail they liked
  and give one back. `complaint`: name what went wrong in their words, say what happens
  now, move it to private messages if data is needed; no excuse, no blame. `attack`:
  one calm sentence to the matter, or thanks for the view; never irony, never a
  counter-attack. `joke`: play along in one line. `spam`: one neutral line, and
  `person` true.
- No promise about price, delivery, refunds, health or law, no admission of guilt, no
  personal data repeated, no link.
- `person` is true, with `why`, for: danger to somebody, legal threats, refunds,
  illness after using a product, press, minors, discrimination, or an answer you do not
  have.
"""


def bounds(wish: ReplyWish) -> tuple[Bound, ...]:
    return (
        Bound("replies", wish.count, entries=True),
        Bound("replies", 140),
        Bound("why", 120),
    )


def without_model(wish: ReplyWish) -> Reply:
    """What a comment means is not guessed: a colleague will see it."""
    from ai_adapter.providers import phrases

    lines = phrases.of(wish.lang).replies[: wish.count]
    why = offline.said(wish.lang, "没有模型判断过这条评论", "no model has judged it")
    return Reply("question", lines, person=True, why=why)


TOOL = structured(
    "comment-reply",
    ReplyWish,
    Reply,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=1,
    task="reply",
    max_tokens=600,
)
