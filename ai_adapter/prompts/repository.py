"""Every prompt by name: the tasks', and those the tools bring with them."""

from collections.abc import Mapping

from ai_adapter.base import Ask
from ai_adapter.errors import Refused
from ai_adapter.prompts import (
    copy,
    plain,
    reply,
    rewrite,
    shot_list,
    summary,
    title,
    translate,
)
from ai_adapter.prompts.prompt import Prompt
from ai_adapter.registry import TOOLS

TASKS: Mapping[str, Prompt] = {
    "copy": copy.PROMPT,
    "reply": reply.PROMPT,
    "rewrite": rewrite.PROMPT,
    "storyboard": shot_list.PROMPT,
    "summary": summary.PROMPT,
    "title": title.PROMPT,
    "translate": translate.PROMPT,
    **{prompt.name: prompt for prompt in plain.PROMPTS},
}


def built_in() -> Mapping[str, Prompt]:
    """By the name under which a person may put another in its place.

    Raises ValueError for two that share a name: one would answer for the other.
    """
    found: dict[str, Prompt] = {}
    tools = (tool.prompt for tool in TOOLS.values())
    for prompt in (*TASKS.values(), *tools):
        if found.setdefault(prompt.name, prompt) != prompt:
            raise ValueError(f"two prompts are called {prompt.name!r}")
    return found


def prompt_for(ask: Ask) -> Prompt:
    """What is built in for this task or tool; raises Refused for an unknown tool."""
    if not ask.tool:
        return TASKS[ask.task]
    if ask.tool not in TOOLS:
        raise Refused("tool_unknown", f"there is no tool {ask.tool[:40]!r}")
    return TOOLS[ask.tool].prompt
