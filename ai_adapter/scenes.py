"""Scenes: `douyin-title-zh` is a platform, a tool and a language in one word."""

import re

from msgspec import Struct

from ai_adapter.platforms import STYLES
from ai_adapter.registry import TOOLS

_LANG = re.compile(r"[a-z]{2}(-[A-Z]{2})?")


class Scene(Struct, frozen=True):
    """What a scene says; empty where it says nothing."""

    platform: str = ""
    tool: str = ""
    lang: str = ""


def scene_of(name: str) -> Scene:
    """Never an error: a scene is also just a name for policies and reports.

    The tool may be named without its platform: `weibo-post-zh` is `weibo-post`.
    """
    parts = name.split("-")
    platform = parts[0] if parts[0] in STYLES else ""
    rest = parts[1:] if platform else parts
    lang = rest[-1] if rest and _LANG.fullmatch(rest[-1]) else ""
    middle = "-".join(rest[:-1] if lang else rest)
    tool = next((t for t in (middle, f"{platform}-{middle}") if t in TOOLS), "")
    return Scene(platform, tool, lang) if tool else Scene()
