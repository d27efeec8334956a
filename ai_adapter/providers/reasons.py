"""The SDK's exceptions into our five reactions, by status and vendor code."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import openai

from ai_adapter.errors import (
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from schemas.clock import Clock

# These fail before a byte of the question is out, so nothing can have been billed.
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_MEND = frozenset((401, 402, 403, 404, 405))
_REFUSED = frozenset((400, 413, 422))
_OUT_OF_MONEY = frozenset(("insufficient_quota", "billing_hard_limit_reached"))
_CODES = {
    "content_filter": "content_policy",
    "content_policy_violation": "content_policy",
    "context_length_exceeded": "context_too_long",
}


def reaction(
    error: openai.OpenAIError, now: Clock
) -> TryLater | AskAgain | Refused | OutcomeUnknown | Misconfigured:
    """What the gateway should do about an exception of the SDK."""
    match error:
        case openai.APIConnectionError():
            return _connection(error)
        case openai.APIStatusError():
            return _status(error, now)
        case openai.APIResponseValidationError():
            return AskAgain("the body is not an answer")
        case _:
            return Misconfigured(f"the client gave up: {type(error).__name__}")


def _connection(error: openai.APIConnectionError) -> TryLater | OutcomeUnknown:
    if isinstance(error.__cause__, _UNSENT):
        return TryLater("the provider could not be reached")
    return OutcomeUnknown("the call went out and its answer was lost")


def _status(
    error: openai.APIStatusError, now: Clock
) -> TryLater | Refused | Misconfigured:
    status, code = error.status_code, str(error.code or "")
    if status in _MEND or code in _OUT_OF_MONEY:
        return Misconfigured(f"the provider answered {status} {code}".strip())
    if code in _CODES:
        return Refused(_CODES[code], "the provider does not answer this question")
    if status in _REFUSED:
        return Refused("not_accepted", f"the provider answered {status} {code}".strip())
    return TryLater(
        f"the provider answered {status}", after(error.response.headers, now)
    )


def after(headers: httpx2.Headers, now: Clock) -> float | None:
    """Seconds to wait: milliseconds first, then seconds, then a date."""
    exact, plain = headers.get("retry-after-ms"), headers.get("retry-after")
    for text, unit in ((exact, 1000.0), (plain, 1.0)):
        if text and text.strip().replace(".", "", 1).isdecimal():
            return float(text) / unit
    return _until(plain, now()) if plain else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
