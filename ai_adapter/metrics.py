"""What calls of models count, by provider and model; never a tenant in a label."""

from prometheus_client import Counter, Gauge, Histogram

from ai_adapter.base import (
    AttemptMade,
    BreakerChanged,
    CacheHit,
    Fact,
    ModelEnding,
    PriceUnknown,
    Usage,
    VerdictGiven,
)

# Whoever asks may name any model: a name that is one too many is not a label.
MOST_MODELS = 200
OTHER = "other"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_OF = ("provider", "model")

CALLS = Counter(
    "contentops_ai_calls",
    "Calls that went out; outcome is answered or the class of the failure.",
    (*_OF, "outcome"),
)
CALL_SECONDS = Histogram(
    "contentops_ai_call_seconds", "Until the whole answer.", _OF, buckets=_SECONDS
)
FIRST_TOKEN_SECONDS = Histogram(
    "contentops_ai_first_token_seconds",
    "Until the first text of a stream.",
    _OF,
    buckets=_SECONDS,
)
TOKENS = Counter(
    "contentops_ai_tokens",
    "Tokens as they were billed; kind is input, cached, output or reasoning.",
    (*_OF, "kind"),
)
COST = Counter("contentops_ai_cost", "Money, as billed.", (*_OF, "currency"))
CACHE_HITS = Counter(
    "contentops_ai_cache_hits", "Answers given again for nothing.", _OF
)
UNPRICED = Counter(
    "contentops_ai_price_unknown", "Answers under a name without a price.", _OF
)
UNBALANCED = Counter(
    "contentops_ai_unbalanced", "Answers whose tokens do not sum to their total.", _OF
)
BREAKER = Gauge(
    "contentops_ai_breaker_state", "0 = closed, 1 = lets one probe, 2 = open.", _OF
)
ENDS = Gauge("contentops_ai_model_ends_days", "Until a model is shut down.", _OF)
VERDICTS = Counter(
    "contentops_ai_verdicts", "What the guard marked or blocked.", ("side", "ruling")
)
_STATES = {"closed": 0, "half_open": 1, "open": 2}


class Meters:
    """Counts the facts of one process."""

    def __init__(self) -> None:
        self._models: set[tuple[str, str]] = set()

    def tell(self, fact: Fact) -> None:
        """Never raises and never waits."""
        match fact:
            case AttemptMade():
                self._attempt(fact)
            case CacheHit(answer=answer):
                CACHE_HITS.labels(*self._of(answer.provider, answer.model_name)).inc()
            case PriceUnknown(provider=provider, model_name=model):
                UNPRICED.labels(*self._of(provider, model)).inc()
            case BreakerChanged(provider=provider, model=model, state=state):
                BREAKER.labels(*self._of(provider, model)).set(_STATES[state])
            case ModelEnding(provider=provider, model=model, days=days):
                ENDS.labels(*self._of(provider, model)).set(days)
            case VerdictGiven(side=side, verdict=verdict):
                VERDICTS.labels(side, verdict.ruling).inc()
            case _:
                pass  # a policy is used for each ask: the calls say as much

    def _attempt(self, fact: AttemptMade) -> None:
        of = self._of(fact.attempt.provider, fact.attempt.model_name)
        CALLS.labels(*of, fact.attempt.outcome).inc()
        CALL_SECONDS.labels(*of).observe(fact.attempt.latency_ms / 1000)
        if fact.first_token_ms is not None:
            FIRST_TOKEN_SECONDS.labels(*of).observe(fact.first_token_ms / 1000)
        if fact.attempt.usage is not None:
            _spend(of, fact.attempt.usage)

    def _of(self, provider: str, model: str) -> tuple[str, str]:
        """The two labels; names beyond the first two hundred share one."""
        pair = (provider, model)
        if pair not in self._models:
            if len(self._models) >= MOST_MODELS:
                return provider, OTHER
            self._models.add(pair)
        return pair


def _spend(of: tuple[str, str], usage: Usage) -> None:
    kinds = {
        "input": usage.prompt_tokens - usage.cached_tokens,
        "cached": usage.cached_tokens,
        "output": usage.completion_tokens - usage.reasoning_tokens,
        "reasoning": usage.reasoning_tokens,
    }
    for kind, tokens in kinds.items():
        TOKENS.labels(*of, kind).inc(max(0, tokens))
    if usage.cost is not None:
        COST.labels(*of, usage.currency).inc(float(usage.cost))
    if usage.unbalanced:
        UNBALANCED.labels(*of).inc()
