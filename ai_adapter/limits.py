"""What an ask may hold; checked once, before anything is routed or paid."""

import msgspec

from ai_adapter.base import Ask
from ai_adapter.errors import Refused

MAX_VARIANTS = 10
MAX_TOKENS = 32_000
MAX_CHARS = 200_000
MAX_INPUTS = 256
MAX_DEADLINE_S = 600.0
MAX_MESSAGES = 1_000
MAX_FUNCTIONS = 128
MAX_JSON = 64_000
MAX_IMAGES = 16
MAX_IMAGE_CHARS = 28_000_000
"""Data URLs of all pictures together: 20 MB of them."""
MAX_SOUND = 25_000_000


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
    _check_conversation(ask)
    _check_files(ask)
    _check_json(ask)


def _check_conversation(ask: Ask) -> None:
    if len(ask.messages) > MAX_MESSAGES:
        raise Refused("messages_count", f"send at most {MAX_MESSAGES} messages")
    if sum(len(each.content) for each in ask.messages) > MAX_CHARS:
        raise Refused("messages_too_long", f"send at most {MAX_CHARS} characters")


def _check_files(ask: Ask) -> None:
    seen = [*ask.images, *(url for each in ask.messages for url in each.images)]
    if len(seen) > MAX_IMAGES or sum(map(len, seen)) > MAX_IMAGE_CHARS:
        raise Refused("images_too_many", f"send at most {MAX_IMAGES}, 20 MB together")
    if not all(url.startswith(("https://", "data:image/")) for url in seen):
        raise Refused("images_unknown", "send https addresses or data:image URLs")
    if ask.sound is not None and len(ask.sound.content) > MAX_SOUND:
        raise Refused("sound_too_large", f"send at most {MAX_SOUND} bytes")


def _check_json(ask: Ask) -> None:
    """These are put into a request as they are, so they must be whole."""
    if len(ask.functions) > MAX_FUNCTIONS:
        raise Refused("functions_count", f"send at most {MAX_FUNCTIONS} functions")
    for function in ask.functions:
        _is_json("functions", function)
    if ask.schema:
        _is_json("schema", ask.schema)
    for message in ask.messages:
        if message.calls:
            _is_json("messages", message.calls)


def _is_json(field: str, text: bytes) -> None:
    if len(text) > MAX_JSON:
        raise Refused(f"{field}_too_long", f"{field} has at most {MAX_JSON} bytes")
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refused(f"{field}_not_json", f"{field} is no JSON: {error}") from error


def _within(field: str, value: float, low: float, high: float) -> None:
    # Written so that NaN is refused too.
    if not low <= value <= high:
        raise Refused(f"{field}_out_of_range", f"{field} must be {low} to {high}")
