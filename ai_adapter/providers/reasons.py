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
_LIMITED = 429
# Vendors say these with all kinds of statuses: 429, 400, even 200.
_MEND_CODES = frozenset(
    (
        "insufficient_quota",
        "billing_hard_limit_reached",
        "invalid_api_key",
        "authentication_error",
        "model_not_found",
        "InvalidApiKey",
        "Arrearage",
        "AccountOverdueError",
        "InvalidEndpointOrModel.NotFound",
    )
)
_LIMIT_CODES = frozenset(("rate_limit_exceeded", "rate_limit_reached_error", "429"))
_CODES = {
    "content_filter": "content_policy",
    "content_policy_violation": "content_policy",
    "data_inspection_failed": "content_policy",
    "context_length_exceeded": "context_too_long",
}
_TOO_LONG = "maximum context length"


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
    late = isinstance(error, openai.APITimeoutError)
    return OutcomeUnknown("the call went out and its answer was lost", late=late)


def _status(
    error: openai.APIStatusError, now: Clock
) -> TryLater | Refused | Misconfigured:
    status, code = error.status_code, str(error.code or error.type or "")
    if status in _MEND:
        return Misconfigured(f"the provider answered {status} {code}".strip())
    known = by_code(code, error.message)
    if known and not isinstance(known, TryLater):
        return known
    if status in _REFUSED:
        return Refused("not_accepted", f"the provider answered {status} {code}".strip())
    wait = after(error.response.headers, now)
    limited = status == _LIMITED or known is not None
    return TryLater(f"the provider answered {status}", wait, limited=limited)


def by_code(code: str, message: str) -> TryLater | Refused | Misconfigured | None:
    """What a vendor's word for an error asks for, whatever status it came with."""
    if code in _MEND_CODES:
        return Misconfigured(f"the provider answered {code}")
    if code in _CODES or _TOO_LONG in message:
        known = _CODES.get(code, "context_too_long")
        return Refused(known, "the provider does not answer this question")
    if code in _LIMIT_CODES:
        return TryLater(f"the provider answered {code}", limited=True)
    return None


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
