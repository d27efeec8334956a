"""Weibo post: one idea, in a length that is read without unfolding it."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import STYLES, fitted, tagged
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

STYLE = STYLES["weibo"]
# Of statuses/share; what is longer is folded in the timeline behind 展开.
SHORT = 140
_ROOM = 30


class WeiboWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    goal: Literal["discuss", "inform", "repost", "sell"] = "discuss"
    length: Literal["short", "long"] = "short"
    link: Line = ""


class WeiboPost(Result, frozen=True):
    text: Annotated[str, Meta(min_length=1, description="the post without any tag")]
    topics: Annotated[
        tuple[Annotated[str, Meta(description="topic words without #")], ...],
        Meta(min_length=1),
    ]
    first_comment: Annotated[
        str, Meta(description="what the author writes below to start the talk")
    ] = ""

    @property
    def published(self) -> str:
        """As it is posted: tags in Weibo's notation before the text."""
        return f"{tagged(STYLE, self.topics)} {self.text}"


SYSTEM = f"""
You write Weibo (微博) posts for a Chinese content team. Weibo is a square, not a shelf:
people scroll fast, see the first line, and stay for an opinion they can answer.
- The first sentence carries the whole point: a fact with a number from the material, a
  contradiction, or the moment something happened. No greeting, no 小编, no 家人们.
- One idea per post. Short sentences, line breaks between thoughts, at most two emoji,
  and only where a person would put one.
- Length `short`: text and topics together at most {SHORT} characters as Weibo counts
  (Latin letters half, a link ten), so that nothing is folded; aim at 90 to 120. Length
  `long`: 300 to 800 characters in paragraphs of two or three sentences.
- By goal: `discuss` ends with a concrete question people can answer from their own
  life, never "大家怎么看"; `inform` gives who, what, when, where; `repost` gives a
  sentence worth quoting; `sell` names the use first, the product second, no pressure.
- A link, if there is one, stands at the very end of the text, unchanged.
- One to {STYLE.tags_max} topics people really search: the event or the field first, the
  brand last; no invented mega-topics, no spaces inside, without #.
- `firstComment` is one line of the author that opens the talk or adds a detail that
  did not fit; not a repetition.
"""


def bounds(wish: WeiboWish) -> tuple[Bound, ...]:
    most = SHORT - _ROOM if wish.length == "short" else STYLE.body_max
    return (
        Bound("text", most, "halves"),
        Bound("topics", STYLE.tags_max, entries=True),
        Bound("topics", 16, "halves"),
        Bound("firstComment", SHORT, "halves"),
    )


def without_model(wish: WeiboWish) -> WeiboPost:
    room = SHORT - _ROOM - (11 if wish.link else 0)
    text = fitted(wish.brief.strip(), room, "halves") or offline.subject("", 20)
    topics = offline.keywords(wish.brief, 2, wish.lang)
    return WeiboPost(f"{text} {wish.link}".strip(), topics)


TOOL = structured(
    "weibo-post",
    WeiboWish,
    WeiboPost,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    temperature=0.8,
)
