"""Answer page: one question, answered so that it can be checked and published."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.platforms import fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Line, Result, Wish

SHORT = 200


class QuestionWish(Wish, frozen=True, kw_only=True):
    """`sources` are what may be relied on; each is quoted by its number from 1."""

    question: Annotated[str, Meta(min_length=1, max_length=1000)]
    sources: Annotated[
        tuple[Annotated[str, Meta(max_length=8000)], ...], Meta(max_length=20)
    ] = ()
    audience: Line = ""


class Follow(Result, frozen=True):
    question: Annotated[str, Meta(min_length=1, description="what is asked next")]
    answer: Annotated[str, Meta(min_length=1, description="two sentences")]


class AnswerPage(Result, frozen=True):
    title: Annotated[
        str, Meta(min_length=1, description="the question as people ask it")
    ]
    short: Annotated[str, Meta(min_length=1, description="the answer in 2 sentences")]
    full: Annotated[
        str, Meta(min_length=1, description="Markdown, with [1] for sources")
    ]
    used: tuple[Annotated[int, Meta(ge=1)], ...] = ()
    follow: tuple[Follow, ...] = ()
    unsure: tuple[
        Annotated[str, Meta(description="what the sources leave open")], ...
    ] = ()


SYSTEM = f"""
You write one page that answers one question (问答页), for readers and for answer
engines that quote it.
- `title` is the question in the words people use. `short`, at most {SHORT} characters,
  answers it completely in two sentences that make sense when quoted alone: no "it
  depends" without saying on what, no pronoun that points outside.
- `full`: Markdown of 150 to 600 words. First the reason, then steps or cases under `##
  ` headings that are questions, then exceptions. Every sentence that rests on a source
  ends with its number, [1]; `used` lists these numbers. What no source carries is
  general knowledge everybody can check, or it is left out.
- Sources that contradict each other: say who says what, and which is newer if it
  shows.
- What cannot be answered from them goes to `unsure`, and `short` says so plainly.
  Better a short page than a guess. On health, law, money and safety: what is generally
  known, and whom to ask.
- Two to four `follow` questions that a reader has next, each answered in two
  sentences.
"""


def bounds(_wish: QuestionWish) -> tuple[Bound, ...]:
    return (
        Bound("title", 120),
        Bound("short", SHORT),
        Bound("full", 8000),
        Bound("follow", 4, entries=True),
    )


def without_model(wish: QuestionWish) -> AnswerPage:
    """What the sources say first, word for word; without any it admits that."""
    none = offline.said(wish.lang, "暂时没有答案。", "There is no answer yet.")
    quotes = tuple(
        f"{offline.points(each, 1, wish.lang)[0]} [{at}]"
        for at, each in enumerate(wish.sources, 1)
        if each.strip()
    )
    used = tuple(at for at, each in enumerate(wish.sources, 1) if each.strip())
    short = fitted(quotes[0], SHORT) if quotes else none
    return AnswerPage(
        fitted(wish.question.strip(), 120) or none,
        short,
        "\n\n".join(quotes) or none,
        used,
        unsure=(none,),
    )


TOOL = structured(
    "answer",
    QuestionWish,
    AnswerPage,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    weight=3,
    temperature=0.3,
    max_tokens=3000,
)
