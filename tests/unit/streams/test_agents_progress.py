"""Progress: often enough to look alive, seldom enough not to matter."""

import json

from hypothesis import given
from hypothesis import strategies as st

from schemas.jobs import ProbeInput
from streams.progress import reporter
from tests.unit.streams.workshop import FakeClock, FakeLog, job

JOB = job(ProbeInput("t/a", "0"))


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 99)), max_size=60))
def test_never_more_than_two_a_second(steps: list[tuple[float, int]]) -> None:
    clock, log = FakeClock(), FakeLog()
    begun = clock.now
    report = reporter(log, JOB, clock)

    for pause, percent in steps:
        clock.pass_(seconds=pause)
        report(percent, "transcode")

    seconds = (clock.now - begun).total_seconds()
    assert len(log.progress) <= 1 + seconds * 2


def test_the_end_is_always_told() -> None:
    clock, log = FakeClock(), FakeLog()
    report = reporter(log, JOB, clock)

    report(99, "upload")
    report(100, "done")

    assert [json.loads(each)["percent"] for each in log.progress] == [99, 100]


def test_it_says_whose_job_and_what_kind() -> None:
    log = FakeLog()
    reporter(log, JOB, FakeClock())(5, "begun")

    told = json.loads(log.progress[0])

    assert told["tenant"] == "t"
    assert told["jobId"] == "j"
    assert told["subject"] == "publication/p"
    assert told["kind"] == "probe"
    assert told["at"].startswith("2026-03-01T12:00")
