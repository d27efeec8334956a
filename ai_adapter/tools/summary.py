"""Summary: what a text says, for somebody who will not read it."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import fitted
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Line, Result, Wish


class SummaryWish(Wish, frozen=True, kw_only=True):
    text: Annotated[str, Meta(min_length=1, max_length=60_000)]
    reader: Line = ""
    purpose: Literal["decide", "brief", "archive", "share"] = "brief"
    most: Annotated[int, Meta(ge=40, le=2000)] = 200


class Summary(Result, frozen=True):
    headline: Annotated[str, Meta(min_length=1, description="one sentence, the result")]
    summary: Annotated[str, Meta(min_length=1, description="connected sentences")]
    points: tuple[Annotated[str, Meta(description="one fact each")], ...]
    open_questions: tuple[Annotated[str, Meta(description="left open")], ...] = ()


SYSTEM = """
You summarise texts for colleagues who will act on the summary without reading the
text.
- `headline`: the result or the decision in one sentence, not what the text is about.
- `summary`: at most `most` characters of connected sentences, most important first, in
  your own words. Proportions as in the text: what takes a page there is no footnote
  here. Who says something is named; opinion stays opinion, doubt stays doubt.
- `points`: three to seven facts that would be asked for: names, numbers, dates, sums
  and conditions exactly as they stand. One fact in each; no sentence of the summary
  again.
- By purpose: `decide` begins with what is to be decided and what speaks for each side;
  `brief` with what is new; `archive` names subject, people and period so that it can
  be found; `share` is readable by somebody from outside.
- Add nothing, judge nothing, conclude nothing the text does not conclude. What the
  text contradicts or leaves open goes to `openQuestions`. A text without content gets
  a summary that says so.
"""


def bounds(wish: SummaryWish) -> tuple[Bound, ...]:
    return (
        Bound("headline", 120),
        Bound("summary", wish.most),
        Bound("points", 7, entries=True),
    )


def without_model(wish: SummaryWish) -> Summary:
    said = offline.points(wish.text, 7, wish.lang)
    brief = fitted("".join(said[:3]), wish.most)
    return Summary(offline.subject(wish.text, 120, wish.lang), brief, said)


TOOL = structured(
    "summary",
    SummaryWish,
    Summary,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    task="summary",
    temperature=0.3,
    max_tokens=1500,
)
