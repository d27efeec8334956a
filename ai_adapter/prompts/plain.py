"""Tasks whose input goes to the model as it is; an entry gives each a version."""

from ai_adapter.prompts.prompt import Prompt

PROMPTS = tuple(
    Prompt(name=name, version=1, system="")
    for name in ("embed", "moderation", "transcription", "speech", "image")
)
