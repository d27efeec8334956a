"""Vectors take no words; this entry gives them a version like the others."""

from ai_adapter.prompts.prompt import Prompt

PROMPT = Prompt(name="embed", version=1, system="")
