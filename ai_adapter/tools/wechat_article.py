"""WeChat article: a long read for an official account, ready for its editor."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import STYLES, fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

STYLE = STYLES["wechat"]
# Of draft/add: the summary below a single article, the content with its markup.
DIGEST = 120
CONTENT = 20_000


class ArticleWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    kind: Literal["explainer", "story", "interview", "notice", "case"] = "explainer"
    audience: Line = ""
    words: Annotated[int, Meta(ge=300, le=4000)] = 1500


class Section(Result, frozen=True):
    heading: Annotated[str, Meta(description="subheading, at most 20 characters")]
    text: Annotated[str, Meta(min_length=1, description="paragraphs, plain text")]


class Article(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="the title")]
    digest: Annotated[str, Meta(min_length=1, description="摘要, shown when shared")]
    lead: Annotated[str, Meta(min_length=1, description="opening before any heading")]
    sections: Annotated[tuple[Section, ...], Meta(min_length=1)]
    ending: Annotated[str, Meta(description="closing thought and one step to take")]
    cover_line: Annotated[str, Meta(description="words for the cover picture")] = ""


SYSTEM = f"""
You write articles for a WeChat official account (微信公众号). They are opened from a
list of titles or because a friend shared them; readers leave at the first paragraph
that wastes their time, and share what makes them look considerate or informed.
- Title at most {STYLE.title_max} characters, best 14 to 26: the matter itself and why
  it concerns the reader; no 震惊体, no ellipsis that hides the point, no emoji.
- `digest` at most {DIGEST} characters: what the reader knows afterwards. It is not the
  first paragraph again.
- `lead`: 60 to 150 characters that begin inside the matter: a scene, a number of the
  material, a question from a reader. No "随着…的发展", no "众所周知".
- Three to six sections; each heading says its result ("预约要提前七天"), not its topic
  ("预约方式"). Paragraphs of two to four sentences; one thought each. Terms are
  explained at their first use. Quotes only as the material has them, with the speaker.
- By kind: `explainer` question → how it works → what to do; `story` person → turn →
  meaning; `interview` questions as headings, answers shortened but not changed;
  `notice` what, when, who is concerned, what to do, whom to ask; `case` situation →
  attempt → result with numbers → limits.
- Length about `words` characters of text in all. `ending` gives one thing to do or to
  think about; no 点赞在看三连.
"""


def bounds(_wish: ArticleWish) -> tuple[Bound, ...]:
    return (
        Bound("title", STYLE.title_max),
        Bound("digest", DIGEST),
        Bound("sections", 12, entries=True),
        Bound("sections.heading", 40),
        Bound("sections.text", CONTENT // 16),
        Bound("lead", 800),
        Bound("ending", 800),
        Bound("coverLine", 20),
    )


def without_model(wish: ArticleWish) -> Article:
    said = offline.points(wish.brief, 12, wish.lang)
    title = offline.subject(wish.brief, STYLE.title_max, wish.lang)
    parts = tuple(
        Section(offline.subject(text, 20, wish.lang), text) for text in said[1:] or said
    )
    ending = offline.said(wish.lang, "欢迎留言补充。", "Tell us what is missing.")
    return Article(title, fitted(wish.brief.strip(), DIGEST), said[0], parts, ending)


TOOL = structured(
    "wechat-article",
    ArticleWish,
    Article,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    max_tokens=6000,
)
