"""Douyin script: what is said and seen, second by second, with its caption."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import STYLES, fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

STYLE = STYLES["douyin"]
_OF_CHINESE = 4.5
_SHARES = ((0.0, 0.15), (0.15, 0.6), (0.6, 0.85), (0.85, 1.0))


class ScriptWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    seconds: Annotated[int, Meta(ge=10, le=300)] = 45
    kind: Literal["tutorial", "story", "review", "opinion", "vlog"] = "tutorial"
    audience: Line = ""
    call: Line = ""


class Beat(Result, frozen=True):
    """A stretch of the film; seconds from its beginning."""

    start: Annotated[float, Meta(ge=0)]
    end: Annotated[float, Meta(gt=0)]
    picture: Annotated[str, Meta(description="what is seen: framing and action")]
    spoken: Annotated[str, Meta(description="the words that are said")]
    on_screen: Annotated[str, Meta(description="short words over the picture")] = ""


class Script(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="title of the video")]
    hook: Annotated[str, Meta(min_length=1, description="the first sentence spoken")]
    beats: Annotated[tuple[Beat, ...], Meta(min_length=2)]
    caption: Annotated[str, Meta(description="the text below the video")]
    tags: tuple[Annotated[str, Meta(description="tag without #")], ...]


SYSTEM = f"""
You write scripts for vertical short videos on Douyin (抖音) that one person can film
with a phone. What decides: the first three seconds, and whether people stay to the end.
- `hook`: at most 20 characters, spoken within three seconds; a result shown first, a
  question the viewer has, or a mistake they make. Pay it off later. No "大家好".
- Beats cover the whole time from 0 to `seconds` without gap or overlap, 3 to 12 seconds
  each. About {_OF_CHINESE} Chinese characters (2.5 English words) can be spoken per
  second: count, and leave air where something happens in the picture.
- Spoken words are for the ear: short main clauses, no brackets, no list numbers beyond
  three, numbers as one says them. The viewer is 你.
- `picture` says framing, subject and movement (近景: 手把鸡蛋打进碗里), what can be
  filmed in one place with what the material names; change the picture when the thought
  changes. `onScreen` at most 12 characters: the key word or the amount, not a subtitle.
- By kind: `tutorial` result → steps → check; `story` trouble → turn → what stayed;
  `review` for whom → test → verdict with a weakness; `opinion` claim → reason → the
  other side → claim; `vlog` place and time → three moments → closing thought.
- About every ten seconds something new: a question, a change of place, a number.
- The end asks for one thing (that of `call`, else a question); never "点赞关注转发".
- `title` at most {STYLE.title_max} characters; `caption` one or two sentences that add
  what the film does not say; up to {STYLE.tags_max} tags people search.
"""


def bounds(_wish: ScriptWish) -> tuple[Bound, ...]:
    return (
        Bound("title", STYLE.title_max),
        Bound("caption", STYLE.body_max),
        Bound("tags", STYLE.tags_max, entries=True),
        Bound("hook", 40),
        Bound("beats.onScreen", 24),
        Bound("beats.spoken", 400),
    )


def without_model(wish: ScriptWish) -> Script:
    said = offline.points(wish.brief, 4, wish.lang)
    title = offline.subject(wish.brief, STYLE.title_max, wish.lang)
    beats = tuple(
        _beat(wish, index, offline.nth(said, index)) for index in range(len(_SHARES))
    )
    tags = offline.keywords(wish.brief, 3, wish.lang)
    return Script(title, fitted(said[0], 40), beats, wish.brief[:200], tags)


def _beat(wish: ScriptWish, index: int, spoken: str) -> Beat:
    start, end = (round(share * wish.seconds, 1) for share in _SHARES[index])
    picture = offline.said(wish.lang, "画面由拍摄者决定", "to be chosen when filming")
    most = max(4, round((end - start) * _OF_CHINESE))
    return Beat(start, end, picture, fitted(spoken, most))


TOOL = structured(
    "douyin-script",
    ScriptWish,
    Script,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    max_tokens=2500,
    temperature=0.8,
)
