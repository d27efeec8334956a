"""The same thing said otherwise: for another platform, length or voice."""

from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.rules import RULES

PROMPT = Prompt(
    name="rewrite",
    version=1,
    system=(
        "You rewrite texts of a content team for the platform the facts name. Keep the "
        "meaning, names, numbers and dates; add no claim of your own, and keep the "
        f"lengths the facts name. {RULES}"
    ),
)
