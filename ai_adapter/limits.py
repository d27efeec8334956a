"""What an ask may hold; checked once, before anything is routed or paid."""

from ai_adapter.base import Ask
from ai_adapter.errors import Refused

MAX_VARIANTS = 10
MAX_TOKENS = 32_000
MAX_CHARS = 200_000
MAX_INPUTS = 256
MAX_DEADLINE_S = 600.0


def check(ask: Ask) -> None:
    """Raises `Refused` with a code that begins with the field's name."""
    _within("temperature", ask.temperature, 0.0, 2.0)
    _within("top_p", ask.top_p, 0.0, 1.0)
    _within("max_tokens", ask.max_tokens, 1, MAX_TOKENS)
    _within("variants", ask.variants, 1, MAX_VARIANTS)
    _within("deadline_s", ask.deadline_s, 0.1, MAX_DEADLINE_S)
    pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
    if not 1 <= len(pieces) <= MAX_INPUTS:
        raise Refused("input_count", f"send 1 to {MAX_INPUTS} inputs")
    if sum(len(piece) for piece in pieces) > MAX_CHARS:
        raise Refused("input_too_long", f"send at most {MAX_CHARS} characters")


def _within(field: str, value: float, low: float, high: float) -> None:
    # Written so that NaN is refused too.
    if not low <= value <= high:
        raise Refused(f"{field}_out_of_range", f"{field} must be {low} to {high}")
