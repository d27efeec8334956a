"""Settings into endpoints, and calls into spans."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr, ValidationError

from ai_adapter.base import Ask, Attempt, AttemptMade, Usage
from infra import ai_spans
from infra.ai_endpoints import endpoints
from infra.settings import Settings
from streams import tracing

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_the_endpoint_with_settings_of_its_own_comes_first() -> None:
    found = endpoints(
        Settings(
            ai_api_key=SecretStr("k"),
            ai_model="gpt-6-luna",
            ai_endpoints="deepseek=deepseek-flash, local=qwen@http://127.0.0.1:8000/v1",
        )
    )

    assert [(each.name, each.default_model) for each in found] == [
        ("openai", "gpt-6-luna"),
        ("deepseek", "deepseek-flash"),
        ("local", "qwen"),
    ]
    assert found[1].url == "https://api.deepseek.com"
    assert found[2].url == "http://127.0.0.1:8000/v1"
    assert endpoints(Settings()) == []


@pytest.mark.parametrize("wrong", ["deepseek", "a=b@ftp://x", "a=b c=d"])
def test_a_list_of_endpoints_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="ai_endpoints"):
        Settings(ai_endpoints=wrong)


def test_a_call_becomes_a_span_in_the_words_of_opentelemetry() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    usage = Usage(100, 40, Decimal(1), "CNY", cached_tokens=60)
    tracing.export_to(provider.get_tracer("test"))
    try:
        ai_spans.tell(
            AttemptMade(
                Ask(task="copy", input="a secret text", tenant_id="t"),
                Attempt("deepseek", "deepseek-flash", "answered", 250, usage),
                AT,
                first_token_ms=100,
            )
        )
    finally:
        tracing.export_to(None)
    (span,) = kept.get_finished_spans()

    assert span.name == "chat deepseek-flash"
    assert span.end_time - span.start_time == 250_000_000
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "deepseek",
        "gen_ai.request.model": "deepseek-flash",
        "gen_ai.prompt.name": "copy",
        "gen_ai.response.time_to_first_chunk": 0.1,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.reasoning.output_tokens": 0,
    }
