"""Runs of chains: each step once, in order, whatever is told twice or by the dead."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from ai_adapter.chains import composed
from ai_adapter.gateway import Gateway
from ai_adapter.tools.wishes import BadWish
from fixtures.fix_records import Chronicle
from schemas.chains import Step, Take
from schemas.commands.chain import ResumeRun, StartRun
from schemas.commands.job import CompleteJob, FailJob, RequestJob, StartAttempt
from schemas.envelope import Record
from schemas.events.chain import RunStepDone
from schemas.generation import Generated, Usage
from schemas.registry import AGGREGATE_OF, Data
from streams.agents.ai import Generating
from streams.domain import run as rules
from streams.domain.registry import RULES
from streams.domain.rejected import Rejected
from streams.reactions import advance_runs
from streams.reactor import commands
from tests.unit.streams.test_agents_batching import Shelf, quiet
from tests.unit.streams.workshop import FakeClock, OpenDoors, job

STEPS = (
    Step("translation", '{"lang":"en"}', (Take("text", "input.text"),)),
    Step("brand-voice", '{"voice":"dry"}', (Take("text", "last.text"),)),
    Step("title", "{}", (Take("subject", "last.text"),)),
)
START = StartRun("chain", 1, STEPS, '{"text":"番茄炒蛋"}')
RUN = "the-run"
RUNS = {"advance_runs": advance_runs.react}


@dataclass
class Town:
    """Streams decided by the real rules; reactions hear each event, jobs are listed."""

    chronicle: Chronicle = field(default_factory=Chronicle)
    states: dict[str, Struct] = field(default_factory=dict)
    events: list[Record[Data]] = field(default_factory=list)
    asked: dict[str, RequestJob] = field(default_factory=dict)
    sent: list[tuple[str, Struct]] = field(default_factory=list)

    def tell(self, stream: str, wish: Struct) -> None:
        self.sent.append((stream, wish))
        aggregate = AGGREGATE_OF[type(wish)]
        state = self.states.get(stream, RULES[aggregate].initial)
        try:
            event = RULES[aggregate].decide(wish, state)
        except Rejected:
            return
        if event is None:
            return
        self.states[stream] = RULES[aggregate].evolve(state, event)
        if isinstance(wish, RequestJob):
            self.asked[stream] = wish
        record = self.chronicle.record(event, aggregate, stream, "t")
        self.events.append(record)
        for each in commands(record, RUNS, FakeClock()):
            self.tell(each.envelope.aggregate_id, each.data)

    def work(self, job_id: str, token: str, *, well: bool) -> None:
        """One attempt at a job, as a worker tells of it."""
        self.tell(job_id, StartAttempt(token=token))
        if well:
            name = self.asked[job_id].subject
            self.tell(job_id, CompleteJob(token=token, result=made(name), seconds=1.0))
        else:
            self.tell(job_id, FailJob(token=token, code="lost", reason="gone"))

    def open(self) -> Iterator[str]:
        for name in self.asked:
            if not self.states[name].ended:  # type: ignore[attr-defined]  of jobs
                yield name

    def done(self) -> list[RunStepDone]:
        return [e.data for e in self.events if isinstance(e.data, RunStepDone)]


def made(subject: str) -> Generated:
    text = msgspec.json.encode({"text": subject}).decode()
    tool = STEPS[int(subject.split("/")[2])].tool
    return Generated("copy", (text,), Usage(), "p", "m", 1, False, "h", "1", tool=tool)


def test_a_run_goes_through_its_steps_and_each_is_an_event() -> None:
    town = Town()
    town.tell(RUN, START)
    for _ in STEPS:
        town.work(next(town.open()), "a", well=True)

    assert [each.index for each in town.done()] == [0, 1, 2]
    assert [each.result.tool for each in town.done()] == [s.tool for s in STEPS]
    assert town.done()[-1].due is None
    second = list(town.asked.values())[1].input
    assert second.input[1:] == ('{"text":"番茄炒蛋"}', town.done()[0].result.output)


def test_after_a_failure_it_goes_on_at_the_first_missing_step() -> None:
    town = Town()
    town.tell(RUN, START)
    town.work(next(town.open()), "a", well=True)
    town.work(next(town.open()), "b", well=False)
    assert list(town.open()) == []

    town.tell(RUN, ResumeRun())
    town.tell(RUN, ResumeRun())
    (again,) = town.open()
    town.work(again, "c", well=True)
    town.work(next(town.open()), "d", well=True)

    assert [each.index for each in town.done()] == [0, 1, 2]
    assert len(town.asked) == 4, "what was made is not made again"


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_is_told_twice_at_any_time_changes_nothing(data: st.DataObject) -> None:
    """Any earlier command may come again between any two steps of the run."""
    town = Town()
    town.tell(RUN, START)
    for turn in range(12):
        again = st.lists(st.integers(0, len(town.sent) - 1), max_size=4)
        for at in data.draw(again):
            town.tell(*town.sent[at])
        if name := next(town.open(), None):
            town.work(name, f"token-{turn}", well=data.draw(st.booleans()))
        else:
            town.tell(RUN, ResumeRun())
    while name := next(town.open(), None):
        town.work(name, f"last-{name}", well=True)
    while town.states[RUN].due is not None:  # type: ignore[attr-defined]  of a run
        town.tell(RUN, ResumeRun())
        while name := next(town.open(), None):
            town.work(name, f"end-{name}", well=True)

    assert [each.index for each in town.done()] == [0, 1, 2]
    subjects = [wish.subject for wish in town.asked.values()]
    assert len(subjects) == len(set(subjects)), "one job for each step and attempt"


def test_a_result_for_another_attempt_is_an_echo() -> None:
    run = rules.evolve(rules.initial, rules.decide(START, rules.initial))
    late = advance_runs.RecordStep(0, 2, advance_runs.StepResult("j", "t"))

    assert rules.decide(late, run) is None
    with pytest.raises(Rejected):
        rules.decide(late, rules.initial)


async def test_a_worker_takes_a_step_from_what_was_before() -> None:
    town = Town()
    town.tell(RUN, START)
    town.work(next(town.open()), "a", well=True)
    (name,) = town.open()

    found = await Generating(OpenDoors(Gateway()), Shelf()).generate(
        job(town.asked[name].input), quiet
    )

    assert msgspec.json.decode(found.output[0])["text"] == f"run/{RUN}/0/1"
    assert found.tool == "brand-voice"


@pytest.mark.parametrize(
    "path", ["last", "last.nothing", "last.titles.2", "last.titles.x", "other.a"]
)
def test_what_is_not_there_names_the_field_it_was_for(path: str) -> None:
    sources = {"last": {"titles": ["a", "b"]}}
    if path == "last":
        assert composed({}, [("f", path)], sources) == {"f": {"titles": ["a", "b"]}}
        return
    with pytest.raises(BadWish) as no:
        composed({}, [("f", path)], sources)
    assert no.value.pointer == "/f"
