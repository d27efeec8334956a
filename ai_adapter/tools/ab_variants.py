"""A/B variants: versions that differ in one thing, so that a test teaches something."""

from typing import Annotated, Literal

from msgspec import Meta

from ai_adapter.platforms import fitted, style_of
from ai_adapter.tools import offline
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish


class VariantsWish(Wish, frozen=True, kw_only=True):
    text: Brief
    change: Literal["hook", "length", "tone", "call", "proof", "format"] = "hook"
    measure: Line = ""
    count: Annotated[int, Meta(ge=2, le=5)] = 2


class Variant(Result, frozen=True):
    name: Annotated[str, Meta(min_length=1, description="A, B, C …")]
    text: Annotated[
        str, Meta(min_length=1, description="the whole text, ready to post")
    ]
    idea: Annotated[str, Meta(description="what is different, in five words")]
    expects: Annotated[str, Meta(description="why it might win, for whom")] = ""


class Variants(Result, frozen=True):
    variants: Annotated[tuple[Variant, ...], Meta(min_length=2)]
    hypothesis: Annotated[str, Meta(description="what the test decides")] = ""


SYSTEM = """
You write versions of one text for a test (A/B). A test teaches something only if the
versions differ in exactly one thing.
- Variant A is the text as it is, with obvious mistakes mended and nothing else. The
  others, `count` in all, change only `change`: `hook` the first sentence; `length` half
  or double; `tone` one step warmer, drier or bolder; `call` what is asked of the reader
  at the end; `proof` which fact of the text comes first; `format` prose, list or
  dialogue. Everything else stays word for word as far as grammar lets it.
- Each variant is complete and could be posted as it stands: same facts, same language,
  same links and tags, lengths of the platform kept.
- The versions are really different: if one could be mistaken for another, choose a
  bolder change of the same kind. No clickbait in any of them: a version that wins by a
  promise the text does not keep has lost.
- `idea` names the change, `expects` whom it might please. `hypothesis`: "if B is better
  in <measure>, then …", so that either outcome says what to do next.
"""


def bounds(wish: VariantsWish) -> tuple[Bound, ...]:
    style = style_of(wish.platform)
    return (
        Bound("variants", wish.count, entries=True),
        Bound("variants.text", style.body_max, style.body_count),
    )


def without_model(wish: VariantsWish) -> Variants:
    """Two honest ones: the text itself, and its first sentences alone."""
    short = fitted(wish.text, max(1, len(wish.text) // 2))
    same = offline.said(wish.lang, "原文", "as it is")
    less = offline.said(wish.lang, "前半段", "the first half")
    kept = short or wish.text
    return Variants((Variant("A", wish.text, same), Variant("B", kept, less)))


TOOL = structured(
    "ab-variants",
    VariantsWish,
    Variants,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    task="rewrite",
    temperature=0.8,
    max_tokens=4000,
)
