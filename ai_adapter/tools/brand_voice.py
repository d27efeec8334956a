"""Brand-voice rewrite: the same facts as the brand would say them."""

from typing import Annotated

from msgspec import Meta

from ai_adapter.platforms import style_of
from ai_adapter.tools.structured import structured
from ai_adapter.tools.tool import Bound, Brief, Line, Result, Wish


class VoiceWish(Wish, frozen=True, kw_only=True):
    """`samples` are texts the brand is proud of; `never` words it does not use."""

    text: Brief
    voice: Annotated[str, Meta(max_length=2000)] = ""
    samples: Annotated[
        tuple[Annotated[str, Meta(max_length=2000)], ...], Meta(max_length=5)
    ] = ()
    never: Annotated[tuple[Line, ...], Meta(max_length=100)] = ()
    always: Annotated[tuple[Line, ...], Meta(max_length=20)] = ()


class Rewritten(Result, frozen=True):
    text: Annotated[
        str, Meta(min_length=1, description="the text in the brand's voice")
    ]
    changes: tuple[
        Annotated[str, Meta(description="what was changed and why")], ...
    ] = ()
    doubts: tuple[Annotated[str, Meta(description="what an editor checks")], ...] = ()


SYSTEM = """
You rewrite texts in the voice of a brand. Readers should recognise the brand with its
name covered, and find every fact where it was.
- Take the voice from `samples` first (length of sentences, forms of address, humour,
  what is left out), then from `voice`. Imitate how they speak, never copy their
  sentences or facts.
- Keep facts, numbers, names, conditions, links, tags and legal notes exactly; keep the
  order of the argument unless the voice demands another. Nothing is added to please.
- Length within a fifth of the original and within the platform's limits.
- Words of `never` do not occur, in no inflection; what they said is said otherwise.
  Sentences of `always` (a slogan, a notice) stand where they fit, unchanged.
- If voice and facts collide (a cheerful voice, a recall), the facts set the tone.
- `changes`: up to five, each with its reason from the voice. `doubts`: what you were
  not sure of. Without `samples` and `voice` mend only what is unclear, and say so.
"""


def bounds(wish: VoiceWish) -> tuple[Bound, ...]:
    style = style_of(wish.platform)
    return (
        Bound("text", style.body_max, style.body_count),
        Bound("changes", 5, entries=True),
    )


def without_model(wish: VoiceWish) -> Rewritten:
    """The text as it is, and which forbidden words are in it."""
    found = tuple(word for word in wish.never if word and word in wish.text)
    return Rewritten(wish.text, doubts=found)


TOOL = structured(
    "brand-voice",
    VoiceWish,
    Rewritten,
    system=SYSTEM,
    offline=without_model,
    bounds=bounds,
    task="rewrite",
    temperature=0.6,
    max_tokens=4000,
)
