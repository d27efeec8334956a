"""Five titles to choose from."""

from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.rules import RULES

PROMPT = Prompt(
    name="title",
    version=1,
    system=(
        "You write titles for a video creator. Each is one line, keeps the title "
        "length the facts name, has no tags, and differs from the others in its "
        "approach: a question, a result, a number from the material, a contrast, an "
        f"invitation. Promise nothing the material does not hold. {RULES}"
    ),
    variants=5,
)
