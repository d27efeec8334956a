"""Title optimiser: a subject becomes titles to choose from."""

from typing import Annotated

from msgspec import Meta, Struct

from ai_adapter.base import Answer, Ask
from ai_adapter.platforms import style_of
from ai_adapter.prompts.title import PROMPT
from ai_adapter.tools.tool import Bound, Brief, Tool, Wish


class TitleWish(Wish, frozen=True, kw_only=True):
    subject: Brief
    variants: Annotated[int, Meta(ge=2, le=10)] = 5


class Titles(Struct, frozen=True):
    titles: tuple[str, ...]


def shape(wish: TitleWish, tenant_id: str) -> Ask:
    return Ask(
        task="title",
        tool="title",
        input=wish.subject,
        tenant_id=tenant_id,
        model=wish.model,
        max_tokens=400,
        scene=wish.scene,
        lang=wish.lang,
        platform=wish.platform,
        variants=wish.variants,
    )


def read(answer: Answer) -> Titles:
    found = answer.output
    if isinstance(found, str):
        found = (found,)
    return Titles(tuple(text for text in found if isinstance(text, str)))


def bounds(wish: TitleWish) -> tuple[Bound, ...]:
    style = style_of(wish.platform)
    return (Bound("titles", style.title_max, style.title_count),)


TOOL = Tool("title", TitleWish, Titles, PROMPT, shape, read, bounds=bounds, weight=1)
