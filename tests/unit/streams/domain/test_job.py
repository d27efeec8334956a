"""The rules that make an old attempt harmless."""

from datetime import UTC, datetime

from msgspec import Struct, structs

from schemas.commands import job as wish
from schemas.events import job as fact
from schemas.jobs import Settled, Spent
from schemas.publishing import PublishInput
from streams.domain.job import MOST_PARKS
from unit.streams.domain.given import refused, when

WORK = PublishInput("pub")
REQUEST = wish.RequestJob("publish", "publication/pub", WORK, "d", max_attempts=2)
REQUESTED = fact.JobRequested("publish", "publication/pub", WORK, "d", max_attempts=2)
FIRST = fact.JobStarted(1, "one")
SECOND = fact.JobStarted(2, "two")
LATER = datetime(2026, 1, 1, tzinfo=UTC)
DONE = wish.CompleteJob("two", Settled("submitted"), 1.5)


def test_the_same_request_twice_is_one_job() -> None:
    assert when("job", REQUEST) == REQUESTED
    assert when("job", REQUEST, REQUESTED) is None


def test_attempts_are_numbered_by_the_log() -> None:
    assert when("job", wish.StartAttempt("one"), REQUESTED) == FIRST
    assert when("job", wish.StartAttempt("one"), REQUESTED, FIRST) is None
    assert when("job", wish.StartAttempt("two"), REQUESTED, FIRST) == SECOND


def test_only_the_newest_token_may_answer() -> None:
    old = wish.CompleteJob("one", Settled("submitted"), 1.0)

    assert refused("job", old, REQUESTED, FIRST, SECOND).code == "attempt_fenced"
    assert isinstance(when("job", DONE, REQUESTED, FIRST, SECOND), fact.JobCompleted)


def test_an_ended_job_takes_no_start_and_no_second_answer() -> None:
    done = when("job", DONE, REQUESTED, FIRST, SECOND)
    assert done is not None

    ended = (REQUESTED, FIRST, SECOND, done)
    assert refused("job", wish.StartAttempt("three"), *ended).code == "job_ended"
    assert when("job", DONE, *ended) is None
    assert refused("job", wish.CancelJob(), *ended).code == "job_ended"


def test_a_failure_is_retried_until_the_attempts_are_used_up() -> None:
    def fail(token: str) -> wish.FailJob:
        return wish.FailJob(token, "busy", "later", LATER)

    first = when("job", fail("one"), REQUESTED, FIRST)
    assert isinstance(first, fact.JobFailed)
    assert first.retry_at == LATER
    last = when("job", fail("two"), REQUESTED, FIRST, first, SECOND)
    assert isinstance(last, fact.JobFailed)
    assert last.retry_at is None


def test_a_job_nobody_asked_for_is_missing() -> None:
    for command in (wish.StartAttempt("x"), DONE, wish.CancelJob(), wish.LoseJob(2)):
        assert refused("job", command).kind == "missing"


def test_each_attempt_is_accounted_once_also_after_the_end() -> None:
    owned = structs.replace(REQUESTED, project_id="p", requested_by="u")
    told = wish.AccountAttempt("one", 1, "stopped", 2.5, Spent(cpu_seconds=4.0))
    ended = fact.JobCancelled("publication/pub", WORK, "enough")

    accounted = when("job", told, owned, FIRST, ended)
    assert accounted == fact.JobAccounted(
        "publish", "publication/pub", 1, "one", "stopped", 2.5,
        Spent(cpu_seconds=4.0), "p", "u",
    )  # fmt: skip
    assert accounted is not None
    assert when("job", told, owned, FIRST, ended, accounted) is None
    second = structs.replace(told, token="two", attempt=2)
    assert when("job", second, owned, FIRST, SECOND, accounted) is not None


def test_nothing_is_accounted_to_a_job_that_nobody_wanted() -> None:
    told = wish.AccountAttempt("one", 1, "failed", 1.0, Spent(cpu_seconds=1.0))
    assert refused("job", told).kind == "missing"


def test_an_attempt_that_tried_nothing_is_not_counted() -> None:
    told: list[Struct] = [REQUESTED]
    for number in range(5):
        away = wish.FailJob(str(number), "away", "", LATER, parked=True)
        for each in (wish.StartAttempt(str(number)), away):
            event = when("job", each, *told)
            assert event is not None
            told.append(event)
    last = told[-1]

    assert isinstance(last, fact.JobFailed)
    assert (last.attempt, last.retry_at, last.parked) == (5, LATER, True)
    second = [
        *told,
        fact.JobStarted(6, "six"),
        fact.JobFailed("publish", "publication/pub", WORK, "six", 6, "busy", "", LATER),
    ]
    third = [*second, fact.JobStarted(7, "seven")]
    ended = when("job", wish.FailJob("seven", "busy", "", LATER), *third)
    assert isinstance(ended, fact.JobFailed)
    assert ended.retry_at is None


def test_nobody_parks_for_ever() -> None:
    told: list[Struct] = [REQUESTED]
    for number in range(MOST_PARKS):
        told.append(fact.JobStarted(number + 1, "x"))
        told.append(
            fact.JobFailed(
                "publish",
                "publication/pub",
                WORK,
                "x",
                1,
                "away",
                "",
                LATER,
                parked=True,
            )
        )
    told.append(fact.JobStarted(MOST_PARKS + 1, "y"))
    once = when("job", wish.FailJob("y", "away", "", LATER, parked=True), *told)

    assert isinstance(once, fact.JobFailed)
    assert not once.parked
    assert once.retry_at == LATER  # it counts now: of two attempts this was the first
