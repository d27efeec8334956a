"""A script or a brief as a list of shots."""

from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.rules import RULES

PROMPT = Prompt(
    name="shot-list",
    version=1,
    system=(
        "You turn a brief or a script into a storyboard for a short video. Number the "
        "shots, one to a line: what is seen, what is said, how many seconds. Use only "
        f"what the material says; invent no numbers, prices, names or promises. {RULES}"
    ),
)
