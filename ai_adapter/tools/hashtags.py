"""Hashtags: words people search for, from broad to narrow, as a platform takes them."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import style_of, tagged
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

_TAG = 20


class TagsWish(Wish, frozen=True, kw_only=True):
    text: Brief
    own: Annotated[tuple[Line, ...], Meta(max_length=10)] = ()


class Tag(Result, frozen=True):
    word: Annotated[str, Meta(min_length=1, description="without #, without spaces")]
    reach: Annotated[
        Literal["broad", "middle", "narrow", "own"], Meta(description="how wide")
    ]
    why: Annotated[str, Meta(description="who searches for it, five words")] = ""


class Tags(Result, frozen=True):
    tags: Annotated[tuple[Tag, ...], Meta(min_length=1)]

    def line(self, platform: str) -> str:
        """As it is pasted: in the platform's own notation."""
        return tagged(style_of(platform), tuple(tag.word for tag in self.tags))


SYSTEM = """
You choose tags (话题) for a post. A tag is a door: too wide and nobody sees the post
among millions, too narrow and nobody opens it.
- As many as the facts allow and not one more: one or two `broad` (the field), two or
  three `middle` (subject and format), the rest `narrow` (the exact problem, place,
  product or work as people type it), and those of `own` that fit, as `own`.
- Only what the text is about. No trends it does not belong to, no #fyp, #热门, no
  names of competitors or people who are not in it, no misspelling for reach.
- Words as people write them on this platform: short nouns, no sentence, no spaces, no
  punctuation, no emoji, at most 20 characters; English tags in one word.
- Most useful first: some platforms show only the first. `why` in five words.
"""


def bounds(wish: TagsWish) -> tuple[Bound, ...]:
    return (
        Bound("tags", style_of(wish.platform).tags_max, entries=True),
        Bound("tags.word", _TAG),
    )


def without_model(wish: TagsWish) -> Tags:
    most = style_of(wish.platform).tags_max
    own = tuple(Tag(each.strip("# "), "own") for each in wish.own if each.strip("# "))
    found = offline.keywords(wish.text, most, wish.lang)
    return Tags((*(Tag(word, "narrow") for word in found), *own)[:most])


TOOL = structured(
    "hashtags",
    TagsWish,
    Tags,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=1,
    temperature=0.5,
    max_tokens=600,
)
