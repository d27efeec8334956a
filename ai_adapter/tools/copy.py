"""Post writer: a brief becomes a title, a body and tags for one platform."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from ai_adapter.base import Answer, Ask
from ai_adapter.platforms import style_of
from ai_adapter.prompts.copy import PROMPT
from ai_adapter.tools.tool import Bound, Brief, Tool, Wish

_TAG = re.compile(r"#([^\s#]+)#?")


class CopyWish(Wish, frozen=True, kw_only=True):
    brief: Brief
    max_tokens: Annotated[int, Meta(ge=1, le=32_000)] = 1200


class Post(Struct, frozen=True):
    title: str
    body: str
    tags: tuple[str, ...]


def shape(wish: CopyWish, tenant_id: str) -> Ask:
    return Ask(
        task="copy",
        tool="copy",
        input=wish.brief,
        tenant_id=tenant_id,
        model=wish.model,
        max_tokens=wish.max_tokens,
        scene=wish.scene,
        lang=wish.lang,
        platform=wish.platform,
    )


def read(answer: Answer) -> Post:
    first = answer.output if isinstance(answer.output, str) else answer.output[0]
    return parted(first) if isinstance(first, str) else Post("", "", ())


def parted(text: str) -> Post:
    """Title line, body, tag line; a text without a tag line has no tags."""
    title, _, rest = text.strip().partition("\n")
    body, tags = rest.strip(), ()
    above, _, last = body.rpartition("\n")
    if last.startswith("#") and not _TAG.sub("", last).strip():
        body, tags = above.strip(), tuple(dict.fromkeys(_TAG.findall(last)))
    return Post(title.strip().lstrip("# "), body, tags)


def bounds(wish: CopyWish) -> tuple[Bound, ...]:
    style = style_of(wish.platform)
    return (
        Bound("title", style.title_max, style.title_count),
        Bound("body", style.body_max, style.body_count),
        Bound("tags", style.tags_max, entries=True),
    )


TOOL = Tool("copy", CopyWish, Post, PROMPT, shape, read, bounds=bounds)
