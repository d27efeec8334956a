"""Following one command through every role, by the `traceparent` its records carry.

Off unless `export_to` was called: then a step costs one look and nothing is imported.
A step handles one record and continues its trace; a batch handles many and only
links to theirs.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext, Tracer

Attribute: TypeAlias = str | int | float | bool

MOST_LINKS = 128


class _Export:
    tracer: "Tracer | None" = None


def export_to(tracer: "Tracer | None") -> None:
    """None switches tracing off again."""
    _Export.tracer = tracer


def on() -> bool:
    return _Export.tracer is not None


@contextmanager
def step(name: str, parent: str, **attributes: Attribute) -> Iterator[str]:
    """Gives the `traceparent` for what follows; without tracing the parent's own."""
    tracer = _Export.tracer
    if tracer is None:
        yield parent
        return
    with tracer.start_as_current_span(
        name, context=_context(parent), attributes=attributes
    ) as span:
        yield _header(span.get_span_context())


@contextmanager
def batch(name: str, parents: Iterable[str], **attributes: Attribute) -> Iterator[None]:
    """One span for many records, linked to the first 128 traces among them."""
    tracer = _Export.tracer
    if tracer is None:
        yield
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import Link

    known = dict.fromkeys(parent for parent in parents if parent)
    links = [Link(_span_context(parent)) for parent in list(known)[:MOST_LINKS]]
    with tracer.start_as_current_span(
        name, context=Context(), links=links, attributes=attributes
    ):
        yield


def here() -> str:
    """The `traceparent` of the step that is under way; empty where there is none."""
    if _Export.tracer is None:
        return ""
    from opentelemetry.trace import get_current_span

    span = get_current_span().get_span_context()
    return _header(span) if span.is_valid else ""


def found_to_be(name: str, **attributes: Attribute) -> None:
    """What the step under way turned out to be, where that shows only at its end."""
    if _Export.tracer is None:
        return
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    span.update_name(name)
    span.set_attributes(attributes)


def done(name: str, begun_ns: int, ended_ns: int, **attributes: Attribute) -> None:
    """A part of the step under way that is told of once it is over; ns since 1970."""
    if _Export.tracer is None:
        return
    span = _Export.tracer.start_span(name, start_time=begun_ns, attributes=attributes)
    span.end(ended_ns)


def _context(parent: str) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import (
        TraceContextTextMapPropagator,
    )

    found = TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())
    return found or Context()


def _span_context(parent: str) -> "SpanContext":
    from opentelemetry.trace import get_current_span

    return get_current_span(_context(parent)).get_span_context()


def _header(span: "SpanContext") -> str:
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
