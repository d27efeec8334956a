"""Blog post: a page that is found by a search and answers it."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.platforms import fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish

# What search engines show of a page before they cut.
TITLE = 60
DESCRIPTION = 155


class BlogWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    query: Line = ""
    audience: Line = ""
    words: Annotated[int, Meta(ge=300, le=4000)] = 1000


class BlogPost(Result, frozen=True):
    title: Annotated[str, Meta(min_length=1, description="title of the page")]
    slug: Annotated[
        str,
        Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", description="words-in-latin-letters"),
    ]
    description: Annotated[str, Meta(min_length=1, description="meta description")]
    markdown: Annotated[str, Meta(min_length=1, description="the post in Markdown")]
    keywords: tuple[Annotated[str, Meta(description="a search word")], ...] = ()


SYSTEM = f"""
You write posts for a blog that has to earn its readers through search and through being
worth a bookmark.
- Begin with the answer: the first paragraph (40 to 60 words) answers `query`, or the
  question behind the brief, so completely that a hurried reader may stop there.
- Then what supports it, in the order in which a reader would ask: H2 headings (`## `)
  that are questions or results, never "Introduction" or "Conclusion". No H1: the page
  sets the title. Lists only for steps and for things that are compared; a table where
  there are three or more things with the same attributes.
- Concrete before general. Every claim rests on the material; where the material gives a
  source, name it in the sentence. Say where the advice does not apply.
- Active verbs, sentences under 25 words, no filler ("In today's fast-paced world"), no
  keyword repetition: the query stands in the title, in the first paragraph and in one
  heading, as people would say it.
- `title` at most {TITLE} characters, `description` at most {DESCRIPTION}: a promise the
  page keeps. `slug`: three to six Latin words (pinyin or English), no dates. Three to
  eight `keywords`. Length about `words` words (Chinese: characters).
"""


def bounds(_wish: BlogWish) -> tuple[Bound, ...]:
    return (
        Bound("title", TITLE),
        Bound("description", DESCRIPTION),
        Bound("keywords", 8, entries=True),
        Bound("markdown", 20_000),
    )


def without_model(wish: BlogWish) -> BlogPost:
    said = offline.points(wish.brief, 40, wish.lang)
    title = offline.subject(wish.query or wish.brief, TITLE, wish.lang)
    body = "\n\n".join((said[0], *(f"- {each}" for each in said[1:])))
    words = offline.keywords(wish.brief, 5, wish.lang)
    return BlogPost(title, _slug(words), fitted(said[0], DESCRIPTION), body, words)


def _slug(words: tuple[str, ...]) -> str:
    plain = [each.lower() for each in words if each.isascii() and each.isalnum()]
    return "-".join(plain[:5]) or "post"


TOOL = structured(
    "blog",
    BlogWish,
    BlogPost,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    max_tokens=6000,
)
