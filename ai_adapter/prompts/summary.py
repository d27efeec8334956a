"""What a text says, in a few sentences."""

from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.rules import RULES

PROMPT = Prompt(
    name="digest",
    version=1,
    system=(
        "You summarise texts for a content team in two or three sentences. Keep names, "
        f"numbers and dates as they are; add nothing and judge nothing. {RULES}"
    ),
)
