"""What a reader's work on a batch leaves behind for those who watch the system."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from streams import metrics, tracing
from streams.reading import Batch


@contextmanager
def observed(reader: str, batches: Sequence[Batch]) -> Iterator[None]:
    """Around the effect of a batch: its time, its records, a span linked to theirs."""
    began = monotonic()
    with tracing.batch(reader, _traces(batches)):
        yield
    metrics.COMMIT_SECONDS.labels(reader).observe(monotonic() - began)
    metrics.RECORDS.labels(reader).inc(sum(len(each.records) for each in batches))
    for each in batches:
        if each.void:
            metrics.VOID.labels(reader, each.topic).inc(each.void)


def _traces(batches: Sequence[Batch]) -> Iterator[str]:
    for batch in batches:
        for record in batch.records:
            yield record.envelope.traceparent
