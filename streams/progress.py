"""Progress of running jobs: told while it happens, lost without harm, never truth."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from msgspec import Struct

from schemas.clock import Clock
from schemas.registry import wire_name
from schemas.topics import PROGRESS, Topic
from streams.agents.work import Job

PAUSE = timedelta(seconds=0.5)
DONE = 100


class Soon(Protocol):
    def append_soon(self, topic: Topic, key: str, value: bytes) -> None: ...


class Progress(Struct, frozen=True, rename="camel"):
    tenant: str
    job_id: str
    subject: str
    kind: str
    percent: int
    text: str
    at: datetime


def reporter(log: Soon, job: Job, clock: Clock) -> Callable[[int, str], None]:
    """At most two a second per job, upwards only; the step to 100 is never left out."""
    last: datetime | None = None
    furthest = 0

    def report(percent: int, text: str) -> None:
        nonlocal last, furthest
        # Work that begins a step anew does not go back in the eyes of people.
        furthest = max(furthest, percent)
        now = clock()
        if last is not None and now - last < PAUSE and percent < DONE:
            return
        last = now
        news = Progress(
            tenant=job.tenant,
            job_id=job.id,
            subject=job.subject,
            kind=wire_name(type(job.input)),
            percent=furthest,
            text=text,
            at=now,
        )
        log.append_soon(PROGRESS, job.id, msgspec.json.encode(news))

    return report
