"""A trace is continued by steps and linked to by batches."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.export_to(provider.get_tracer("test"))
    yield kept
    tracing.export_to(None)


def test_without_an_exporter_the_parent_is_handed_on() -> None:
    with tracing.step("decide", PARENT) as after, tracing.batch("project", [PARENT]):
        assert after == PARENT
    assert not tracing.on()


def test_a_step_continues_the_trace_of_its_record(spans: InMemorySpanExporter) -> None:
    with tracing.step("decide", PARENT, family="asset") as after:
        pass
    (span,) = spans.get_finished_spans()

    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (
        after == f"00-0af7651916cd43dd8448eb211c80319c-{span.context.span_id:016x}-01"
    )
    assert dict(span.attributes or {}) == {"family": "asset"}


@pytest.mark.parametrize("broken", ["", "nonsense", "00-0-0-01"])
def test_a_record_without_a_trace_begins_one(
    spans: InMemorySpanExporter, broken: str
) -> None:
    with tracing.step("decide", broken) as after:
        pass
    (span,) = spans.get_finished_spans()

    assert span.parent is None
    assert after.split("-")[1] == f"{span.context.trace_id:032x}"


def test_a_batch_links_to_every_trace_once_and_has_no_parent(
    spans: InMemorySpanExporter,
) -> None:
    with tracing.step("outer", PARENT), tracing.batch("project", [PARENT, "", PARENT]):
        pass
    batch = spans.get_finished_spans()[0]

    assert batch.parent is None
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [
        "0af7651916cd43dd8448eb211c80319c"
    ]
