"""Bilibili title and description: what a submission says beside its video."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.platforms import STYLES, fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

STYLE = STYLES["bilibili"]
# Of the open platform: fewer than 250, and all tags with commas fewer than 200.
DESCRIPTION = 249
_TAG = 18


class SubmissionWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    category: Line = ""
    series: Line = ""
    chapters: tuple[Line, ...] = ()


class Submission(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="the title")]
    description: Annotated[
        str, Meta(min_length=1, description="简介, with line breaks")
    ]
    tags: Annotated[
        tuple[Annotated[str, Meta(description="tag without #")], ...],
        Meta(min_length=1),
    ]
    pinned_comment: Annotated[str, Meta(description="置顶评论")] = ""


SYSTEM = f"""
You write what stands beside a video on Bilibili (哔哩哔哩, B站): title, description,
tags and the pinned comment. The audience is young, knows a lot, is allergic to bait
and rewards effort that is shown (时长, 数据, 过程).
- Title at most {STYLE.title_max} characters, best 18 to 32: what is done plus what
  makes it worth the time (a number, duration, cost or comparison from the material). A
  leading 【…】 only for a series or a format. A question only if the video answers it.
- Description at most {DESCRIPTION} characters. First line: what the video shows and for
  whom. Then, as far as the material has them: chapters as `00:00 …` lines exactly as
  given, tools, music, sources. No begging for 三连; one honest sentence about what is
  missing is worth more.
- One to {STYLE.tags_max} tags of at most {_TAG} characters, all together below 200:
  the field, the subject, the format, names of games, works or devices as fans write
  them. No sentences, no numbers of the day.
- `pinnedComment` starts a talk: a question on a decision in the video, a correction, or
  a resource; at most 120 characters.
"""


def bounds(_wish: SubmissionWish) -> tuple[Bound, ...]:
    return (
        Bound("title", STYLE.title_max),
        Bound("description", DESCRIPTION),
        Bound("tags", STYLE.tags_max, entries=True),
        Bound("tags", _TAG),
        Bound("pinnedComment", 120),
    )


def without_model(wish: SubmissionWish) -> Submission:
    chapters = "\n".join(wish.chapters)
    description = fitted(f"{wish.brief.strip()}\n{chapters}".strip(), DESCRIPTION)
    title = offline.subject(wish.brief, STYLE.title_max, wish.lang)
    tags = offline.keywords(wish.brief, 5, wish.lang)
    return Submission(title, description or title, tags)


TOOL = structured(
    "bilibili-post",
    SubmissionWish,
    Submission,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
)
