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
    """A name people use, and what it stands for from `since` on.

    Several targets: whichever of them is configured, the first one first.
    """

    name: str
    targets: tuple[Target, ...]
    since: date
    source: str


class Dialect(Struct, frozen=True):
    """Where one vendor's OpenAI-compatible door differs from the others'."""

    base_url: str
    token_field: str = "max_tokens"  # noqa: S105  (a field name, no secret)
    thinking_off: bool = False
    customer_field: str = ""


_DEEPSEEK = Target("deepseek", "deepseek-flash")
_PRO = Target("deepseek", "deepseek-v4-pro")
_LUNA = Target("openai", "gpt-6-luna")
_TERRA = Target("openai", "gpt-6.1-terra")
_ALWAYS = date(2024, 1, 1)
_PRICES = "chosen by price per token, ai_adapter/price_book.py, 2026-11"

# The two DeepSeek names of the specification are rejected by the vendor since
# 2026-07-24 and stay accepted here. Checked 2026-11-22.
ALIASES: tuple[Alias, ...] = (
    Alias("deepseek/chat", (_DEEPSEEK,), _ALWAYS, "api-docs.deepseek.com pricing"),
    Alias("deepseek-chat", (_DEEPSEEK,), _ALWAYS, "api-docs.deepseek.com pricing"),
    Alias(
        "gpt-4o-mini",
        (Target("openai", "gpt-4o-mini"),),
        _ALWAYS,
        "developers.openai.com deprecations",
    ),
    Alias(
        "gpt-4o-mini",
        (_LUNA,),
        date(2027, 1, 14),
        "developers.openai.com deprecations: shut down 2027-01-14",
    ),
    # The smallest, pruned models: for play and light tools. An endpoint may name its
    # own under the same alias.
    Alias("text.light", (_LUNA, _DEEPSEEK), _ALWAYS, _PRICES),
    Alias("text.fast", (_DEEPSEEK, _LUNA), _ALWAYS, _PRICES),
    Alias("text.quality", (_PRO, _TERRA), _ALWAYS, _PRICES),
    Alias("text.large", (_DEEPSEEK,), _ALWAYS, "a context of a million tokens"),
)

DIALECTS: Mapping[str, Dialect] = {
    # Thinks by default, and then ignores `temperature` without saying so.
    "deepseek": Dialect(
        "https://api.deepseek.com", thinking_off=True, customer_field="user_id"
    ),
    "openai": Dialect(
        "https://api.openai.com/v1",
        token_field="max_completion_tokens",  # noqa: S106  (a field name, no secret)
        customer_field="safety_identifier",
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


def stands_for(name: str, on: date) -> tuple[Target, ...]:
    """The models behind an alias on a day; empty when the name is no alias."""
    rows = [row for row in ALIASES if row.name == name and row.since <= on]
    return max(rows, key=lambda row: row.since).targets if rows else ()
