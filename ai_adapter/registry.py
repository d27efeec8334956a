"""Model names, known endpoints and tools, as data with source and date."""

from collections.abc import Mapping
from datetime import date

from msgspec import Struct

from ai_adapter.tools import (
    ab_variants,
    account_portrait,
    answer,
    bilibili_post,
    blog,
    brand_voice,
    code,
    comment_reply,
    copy,
    cover_copy,
    douyin_script,
    hashtags,
    kuakua,
    sales_talk,
    storyboard,
    summary,
    swot,
    tarot,
    title,
    topic_ideas,
    translation,
    wechat_article,
    weibo_post,
    xiaohongshu_note,
)
from ai_adapter.tools.tool import AnyTool


class Target(Struct, frozen=True):
    """One model at one provider."""

    provider: str
    model: str


class Alias(Struct, frozen=True):
    """A name people use, and what it stands for from `since` on."""

    name: str
    target: Target
    since: date
    source: str


class Dialect(Struct, frozen=True):
    """Where one vendor's OpenAI-compatible door differs from the others'."""

    base_url: str
    token_field: str = "max_tokens"  # noqa: S105  (a field name, no secret)
    thinking_off: bool = False


_DEEPSEEK = Target("deepseek", "deepseek-flash")
_ALWAYS = date(2024, 1, 1)

# The two DeepSeek names of the specification are rejected by the vendor since
# 2026-07-24 and stay accepted here. Checked 2026-11-22.
ALIASES: tuple[Alias, ...] = (
    Alias("deepseek/chat", _DEEPSEEK, _ALWAYS, "api-docs.deepseek.com pricing"),
    Alias("deepseek-chat", _DEEPSEEK, _ALWAYS, "api-docs.deepseek.com pricing"),
    Alias("text.light", _DEEPSEEK, _ALWAYS, "light tools: the cheapest that answers"),
    Alias(
        "gpt-4o-mini",
        Target("openai", "gpt-4o-mini"),
        _ALWAYS,
        "developers.openai.com deprecations",
    ),
    Alias(
        "gpt-4o-mini",
        Target("openai", "gpt-6-luna"),
        date(2027, 1, 14),
        "developers.openai.com deprecations: shut down 2027-01-14",
    ),
)

DIALECTS: Mapping[str, Dialect] = {
    # Thinks by default, and then ignores `temperature` without saying so.
    "deepseek": Dialect("https://api.deepseek.com", thinking_off=True),
    "openai": Dialect(
        "https://api.openai.com/v1",
        token_field="max_completion_tokens",  # noqa: S106  (a field name, no secret)
    ),
    "dashscope": Dialect("https://dashscope.aliyuncs.com/compatible-mode/v1"),
    "ark": Dialect("https://ark.cn-beijing.volces.com/api/v3"),
}

# A new tool is one file in tools/, one name here, and its examples in tests/golden.
TOOLS: Mapping[str, AnyTool] = {
    module.TOOL.name: module.TOOL
    for module in (
        ab_variants,
        account_portrait,
        answer,
        bilibili_post,
        blog,
        brand_voice,
        code,
        comment_reply,
        copy,
        cover_copy,
        douyin_script,
        hashtags,
        kuakua,
        sales_talk,
        storyboard,
        summary,
        swot,
        tarot,
        title,
        topic_ideas,
        translation,
        wechat_article,
        weibo_post,
        xiaohongshu_note,
    )
}


def resolve(name: str, on: date) -> Target | None:
    """What an alias stands for on a day; None when the name is no alias."""
    rows = [row for row in ALIASES if row.name == name and row.since <= on]
    return max(rows, key=lambda row: row.since).target if rows else None
