"""Xiaohongshu note: experience told so that it is useful to the reader and saved."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import STYLES, fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

STYLE = STYLES["xiaohongshu"]


class NoteWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    kind: Literal["guide", "review", "diary", "list", "pitfalls"] = "guide"
    audience: Line = ""
    voice: Line = ""


class Note(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="the title")]
    body: Annotated[str, Meta(min_length=1, description="the note, with line breaks")]
    tags: Annotated[
        tuple[Annotated[str, Meta(description="tag without #")], ...],
        Meta(min_length=1),
    ]
    cover_line: Annotated[
        str, Meta(description="the large words on the cover picture")
    ] = ""


SYSTEM = f"""
You write Xiaohongshu (小红书) notes. People come by searching for a problem and decide
by cover and title; they save what they can use (收藏) and trust who admits limits.
- Title at most {STYLE.title_max} characters as Xiaohongshu counts (a Latin letter is
  half): the search word a reader would type within the first ten, then the result or
  the number from the material. One emoji at most. No 震惊, no 绝绝子, no 姐妹们冲.
- First person, talking to one reader. The first two lines (all that is shown before
  展开) say for whom this is and what they will get.
- By kind: `guide` numbered steps, each begins with a verb and has its amount, time or
  place; `review` what was good, what was not, for whom it is not; `diary` one scene,
  one turn, one thing learnt; `list` items with one reason each; `pitfalls` mistake →
  why → what to do instead.
- Short paragraphs with an empty line between them; a plain emoji (1️⃣ ✅ 📍) may lead a
  line, not decorate it. Body at most {STYLE.body_max} characters, usually 300 to 600.
- Tell only experiences the material holds. Without one, write as the account that
  collected it, never "我亲测". If it is an advertisement the note says so.
- No contact data, no links, no prices other than those given, no lure to other
  platforms: such notes are limited.
- End with one question that can be answered with a detail, not with "求关注".
- Four to {STYLE.tags_max} tags from broad to narrow: field, topic, scene, long tail.
- `coverLine` at most 12 characters, readable in a thumbnail, not the title again.
"""


def bounds(_wish: NoteWish) -> tuple[Bound, ...]:
    return (
        Bound("title", STYLE.title_max, STYLE.title_count),
        Bound("body", STYLE.body_max),
        Bound("tags", STYLE.tags_max, entries=True),
        Bound("coverLine", 12, "halves"),
    )


def without_model(wish: NoteWish) -> Note:
    title = fitted(offline.subject(wish.brief, 20, wish.lang), 20, "halves")
    steps = offline.points(wish.brief, 8, wish.lang)
    body = "\n\n".join(f"{at}. {each}" for at, each in enumerate(steps, 1))
    tags = offline.keywords(wish.brief, 4, wish.lang)
    return Note(title, body, tags, fitted(title, 12, "halves"))


TOOL = structured(
    "xiaohongshu-note",
    NoteWish,
    Note,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    temperature=0.8,
)
