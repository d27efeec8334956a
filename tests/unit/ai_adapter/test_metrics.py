"""Metrics: by provider and model, with a bound on names that anybody may send."""

from datetime import UTC, date, datetime
from decimal import Decimal

from prometheus_client import REGISTRY

from ai_adapter.base import (
    Answer,
    Ask,
    Attempt,
    AttemptMade,
    BreakerChanged,
    CacheHit,
    ModelEnding,
    PriceUnknown,
    Usage,
    Verdict,
    VerdictGiven,
)
from ai_adapter.metrics import MOST_MODELS, OTHER, Meters

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
ASK = Ask(task="copy", input="x", tenant_id="t")
USAGE = Usage(100, 40, Decimal("0.5"), "CNY", cached_tokens=60, reasoning_tokens=10)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"contentops_ai_{name}", labels) or 0.0


def attempt(model: str, **changes: object) -> AttemptMade:
    made = {"provider": "p", "model_name": model, "outcome": "answered"}
    return AttemptMade(ASK, Attempt(**{**made, "latency_ms": 200, **changes}), AT)


def test_a_call_counts_its_outcome_its_tokens_and_its_money() -> None:
    Meters().tell(attempt("one", usage=USAGE))
    of = {"provider": "p", "model": "one"}

    assert value("calls_total", **of, outcome="answered") == 1
    assert value("call_seconds_sum", **of) == 0.2
    assert value("tokens_total", **of, kind="input") == 40
    assert value("tokens_total", **of, kind="cached") == 60
    assert value("tokens_total", **of, kind="output") == 30
    assert value("tokens_total", **of, kind="reasoning") == 10
    assert value("cost_total", **of, currency="CNY") == 0.5


def test_a_failure_without_usage_counts_its_class_alone() -> None:
    Meters().tell(attempt("two", outcome="try_later"))
    of = {"provider": "p", "model": "two"}

    assert value("calls_total", **of, outcome="try_later") == 1
    assert value("tokens_total", **of, kind="input") == 0


def test_facts_of_other_kinds_are_counted_too() -> None:
    meters, of = Meters(), {"provider": "p", "model": "three"}
    answer = Answer("x", USAGE, "p", "three", 1, False, "r", "h", "v")
    meters.tell(CacheHit(ASK, "key", answer, AT))
    meters.tell(PriceUnknown("p", "three", "t", AT))
    meters.tell(BreakerChanged("p", "three", "open", AT))
    meters.tell(ModelEnding("p", "three", date(2026, 12, 1), 8))
    meters.tell(VerdictGiven(ASK, Verdict("block"), "input", AT))

    assert value("cache_hits_total", **of) == 1
    assert value("price_unknown_total", **of) == 1
    assert value("breaker_state", **of) == 2
    assert value("model_ends_days", **of) == 8
    assert value("verdicts_total", side="input", ruling="block") >= 1


def test_names_beyond_the_bound_share_one_label() -> None:
    meters = Meters()
    for number in range(MOST_MODELS + 5):
        meters.tell(attempt(f"made-up-{number}"))

    of = {"provider": "p", "outcome": "answered"}
    assert value("calls_total", **of, model=OTHER) == 5
    assert value("calls_total", **of, model=f"made-up-{MOST_MODELS}") == 0
