"""What a decider tells its metrics: once for a batch, because a command is so short."""

from collections import Counter
from collections.abc import Sequence

from schemas.events.job import JobRequested
from schemas.events.log import LogRejected, LogUnchanged
from schemas.registry import Data
from schemas.topics import Family
from streams import metrics


def count(family: Family, answers: Sequence[Data]) -> None:
    """Commands by outcome, refusals by code, and jobs asked for by kind."""
    kinds = Counter(map(type, answers))
    rejected, unchanged = kinds[LogRejected], kinds[LogUnchanged]
    for outcome, how_many in (
        ("accepted", len(answers) - rejected - unchanged),
        ("unchanged", unchanged),
        ("rejected", rejected),
    ):
        if how_many:
            metrics.COMMANDS.labels(family.name, outcome).inc(how_many)
    for each in answers if rejected else ():
        if isinstance(each, LogRejected):
            metrics.REJECTIONS.labels(family.name, each.code).inc()
    for each in answers if kinds[JobRequested] else ():
        if isinstance(each, JobRequested):
            kind = str(type(each.input).__struct_config__.tag)
            metrics.JOBS_SUBMITTED.labels(kind).inc()
