"""Jobs that come after others: in any order of delivery, none waits for ever."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from schemas.commands import job as wish
from schemas.envelope import Envelope, Record
from schemas.events import job as fact
from schemas.ids import derived
from schemas.jobs import Settled
from schemas.publishing import PublishInput
from schemas.registry import Data, wire_name
from streams.domain.job import HIGHEST, Job, decide, evolve, initial
from streams.domain.rejected import Rejected
from streams.reactions import order_jobs
from streams.reactions.reaction import React, Reaction
from unit.streams.domain.given import refused, when

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORK = PublishInput("pub")
REQUEST = wish.RequestJob("publish", "publication/pub", WORK, "d")
CHILD = structs.replace(REQUEST, after=("a", "b", "a"))
REQUESTED = fact.JobRequested("publish", "publication/pub", WORK, "d")
WAITING = structs.replace(REQUESTED, after=("a", "b"))
STARTED = fact.JobStarted(1, "one")
TIMED = structs.replace(REQUESTED, deadline=NOW)
DONE = wish.CompleteJob("one", Settled("done"), 1.0)


def test_a_job_with_parents_names_each_once_and_cannot_be_started() -> None:
    assert when("job", CHILD) == WAITING
    refusal = refused("job", wish.StartAttempt("one"), WAITING)
    assert refusal.code == "waiting_for_parent"


def test_the_last_parent_sets_it_free() -> None:
    first = when("job", wish.ReleaseJob("a"), WAITING)
    assert first == fact.JobReleased("a", ("b",))
    assert when("job", wish.ReleaseJob("a"), WAITING, first) is None
    second = when("job", wish.ReleaseJob("b"), WAITING, first)
    assert second == fact.JobReleased("b", ())

    assert when("job", wish.StartAttempt("one"), WAITING, first, second) == STARTED


def test_a_parent_without_success_ends_it() -> None:
    ended = when("job", wish.AbandonJob("a", "lost"), WAITING)

    assert ended == fact.JobAbandoned("publication/pub", WORK, "a", "lost")
    assert when("job", wish.AbandonJob("b", "failed"), WAITING, ended) is None
    assert refused("job", wish.StartAttempt("x"), WAITING, ended).code == "job_ended"


def test_a_stranger_is_no_parent() -> None:
    assert when("job", wish.ReleaseJob("c"), WAITING) is None
    assert when("job", wish.AbandonJob("c", "lost"), WAITING) is None


def test_an_end_carries_whoever_waits_and_a_late_one_is_told_at_once() -> None:
    awaited = when("job", wish.AwaitJob("child"), REQUESTED)
    assert awaited == fact.JobAwaited("child", "open")
    assert when("job", wish.AwaitJob("child"), REQUESTED, awaited) is None
    done = when("job", DONE, REQUESTED, awaited, STARTED)
    assert isinstance(done, fact.JobCompleted)
    assert done.dependents == ("child",)

    late = when("job", wish.AwaitJob("late"), REQUESTED, STARTED, done)
    assert late == fact.JobAwaited("late", "completed")


def test_a_retry_is_no_end_for_those_who_wait() -> None:
    awaited = fact.JobAwaited("child", "open")
    again = wish.FailJob("one", "busy", "later", NOW)

    failed = when("job", again, REQUESTED, awaited, STARTED)

    assert isinstance(failed, fact.JobFailed)
    assert failed.dependents == ()
    assert list(order_jobs.react(record("parent", failed))) == []


def test_it_may_be_waited_for_before_it_is_asked_for() -> None:
    early = when("job", wish.AwaitJob("child"))

    assert early == fact.JobAwaited("child", "")
    assert early is not None
    assert when("job", REQUEST, early) == REQUESTED
    cancelled = when("job", wish.CancelJob(), early, REQUESTED)
    assert isinstance(cancelled, fact.JobCancelled)
    assert cancelled.dependents == ("child",)


def test_at_its_deadline_what_waits_has_failed_and_what_runs_is_called_off() -> None:
    expire = wish.ExpireJob(NOW)

    waiting = when("job", expire, TIMED)
    assert isinstance(waiting, fact.JobFailed)
    assert (waiting.code, waiting.retry_at) == ("deadline_passed", None)
    running = when("job", expire, TIMED, STARTED)
    assert isinstance(running, fact.JobCancelled)
    assert running.reason == "deadline_passed"
    assert when("job", expire, TIMED, STARTED, running) is None


def test_only_its_own_deadline_ends_it() -> None:
    later = wish.ExpireJob(NOW + timedelta(hours=1))

    assert when("job", later, TIMED) is None
    assert when("job", wish.ExpireJob(NOW), REQUESTED) is None


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"priority": HIGHEST + 1}, "/priority"),
        ({"not_before": NOW, "deadline": NOW}, "/deadline"),
        ({"after": tuple(map(str, range(101)))}, "/after"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(
    terms: dict[str, object], pointer: str
) -> None:
    assert refused("job", structs.replace(REQUEST, **terms)).pointer == pointer


def record(job_id: str, data: Data) -> Record[Data]:
    envelope = Envelope(
        id=derived("event", job_id, wire_name(type(data))),
        type=wire_name(type(data)),
        subject=f"job/{job_id}",
        tenant="t",
        time=NOW,
    )
    return Record(envelope=envelope, data=data)


class World:
    """Job streams and the commands on their way, delivered in any order, some twice."""

    def __init__(self, react: React) -> None:
        self.jobs: dict[str, Job] = {}
        self.under_way: list[tuple[str, Struct]] = []
        self._react = react

    def send(self, job_id: str, command: Struct) -> None:
        self.under_way.append((job_id, command))

    def deliver(self, choose: Callable[[int], int], *, twice: bool) -> None:
        at = choose(len(self.under_way))
        job_id, command = self.under_way[at] if twice else self.under_way.pop(at)
        job = self.jobs.get(job_id, initial)
        try:
            event = decide(command, job)  # type: ignore[arg-type]
        except Rejected:
            return
        if event is None:
            return
        self.jobs[job_id] = evolve(job, event)
        for each in self._react(record(job_id, event)):
            self.send(each.aggregate_id, each.data)

    def end(self, draw: Callable[[int], int]) -> None:
        """Until nothing moves: deliver, run what may run, let some of it fail."""
        while True:
            while self.under_way:
                self.deliver(draw, twice=draw(8) == 0 and draw(8) > 0)
            ready = [name for name, job in self.jobs.items() if startable(job)]
            if not ready:
                return
            name = ready[draw(len(ready))]
            self.send(name, wish.StartAttempt("one"))
            failed = wish.FailJob("one", "no", "no")
            self.send(name, failed if name.startswith("bad") else DONE)
            # An answer never overtakes the start of its own attempt.
            self.deliver(lambda _: 0, twice=False)


def startable(job: Job) -> bool:
    return bool(job.requested) and not (job.ended or job.waiting_for or job.attempt)


def unending(world: World, parents: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Jobs that did not come to the end their parents' ends ask for."""
    ends = {name: world.jobs[name].ended for name in parents}
    for name, after in parents.items():
        fine = all(ends[parent] == "completed" for parent in after)
        own = "failed" if name.startswith("bad") else "completed"
        if ends[name] != (own if fine else "parent_failed"):
            yield name


@st.composite
def families(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Names with the names each comes after; no circle."""
    found: dict[str, tuple[str, ...]] = {}
    for number in range(draw(st.integers(2, 7))):
        name = f"{draw(st.sampled_from(['good', 'good', 'bad']))}{number}"
        if not found:
            found[name] = ()
            continue
        earlier = st.sampled_from([*found])
        found[name] = tuple(draw(st.lists(earlier, max_size=3, unique=True)))
    return found


def played(parents: dict[str, tuple[str, ...]], data: st.DataObject) -> World:
    world = World(order_jobs.react)
    for name, after in parents.items():
        world.send(name, structs.replace(REQUEST, after=after))
    world.end(lambda count: data.draw(st.integers(0, count - 1)))
    return world


@settings(max_examples=60, deadline=None)
@given(families(), st.data())
def test_in_any_order_every_job_comes_to_the_end_its_parents_leave_it(
    parents: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    assert list(unending(played(parents, data), parents)) == []


def test_a_reaction_that_forgets_the_late_ones_is_noticed() -> None:
    """The same check refuses a reaction that answers from ends alone."""

    def forgetful(event: Record[Data]) -> Iterator[Reaction]:
        if not isinstance(event.data, fact.JobAwaited):
            yield from order_jobs.react(event)

    parents = {"good0": (), "good1": ("good0",)}
    world = World(forgetful)
    world.send("good0", REQUEST)
    world.end(lambda _: 0)
    world.send("good1", structs.replace(REQUEST, after=("good0",)))
    world.end(lambda _: 0)

    assert list(unending(world, parents)) == ["good1"]
