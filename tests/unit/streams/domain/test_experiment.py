"""Experiments: a plan that stays, one run, a person's word, and one exposure each."""

import pytest
from msgspec.structs import replace

from schemas.commands import experiment as wish
from schemas.events import experiment as fact
from schemas.experiments import Arm, Plan
from unit.streams.domain.given import refused, when

AS_IS = Arm(name="as-is")
COOL = Arm(name="cool", number=2, temperature=0.2)
PLAN = Plan(name="Cooler", prompt="copy", prompt_id="p", arms=(AS_IS, COOL))
MADE = fact.ExperimentCreated(PLAN)
BEGUN = fact.ExperimentStarted()
OVER = fact.ExperimentStopped()


def test_an_experiment_runs_once() -> None:
    start, stop = wish.StartExperiment(), wish.StopExperiment()

    assert when("experiment", wish.CreateExperiment(PLAN)) == MADE
    assert when("experiment", wish.CreateExperiment(PLAN), MADE) is None
    assert when("experiment", start, MADE) == BEGUN
    assert when("experiment", start, MADE, BEGUN) is None
    assert when("experiment", stop, MADE, BEGUN) == OVER
    assert when("experiment", stop, MADE, BEGUN, OVER) is None
    assert refused("experiment", start, MADE, BEGUN, OVER).code == "experiment_over"
    other = wish.CreateExperiment(replace(PLAN, unit="person"))
    assert refused("experiment", other, MADE).code == "experiment_exists"
    assert refused("experiment", start).code == "experiment_missing"


def test_a_person_decides_once_with_a_reason() -> None:
    yes = wish.DecideExperiment("cool", "less is changed", make_live=True)
    decided = fact.ExperimentDecided("cool", "less is changed", "p", 2)

    assert refused("experiment", yes, MADE).code == "not_started"
    assert when("experiment", yes, MADE, BEGUN) == decided
    assert when("experiment", yes, MADE, BEGUN, OVER) == decided
    no = wish.DecideExperiment("", "no difference")
    assert when("experiment", no, MADE, BEGUN) == fact.ExperimentDecided(
        "", "no difference"
    )
    again = refused("experiment", no, MADE, BEGUN, decided)
    assert again.code == "decided_already"


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        (wish.DecideExperiment("hot", "x"), "/arm"),
        (wish.DecideExperiment("cool", " "), "/reason"),
        (wish.DecideExperiment("as-is", "x", make_live=True), "/makeLive"),
        (wish.DecideExperiment("", "x", make_live=True), "/makeLive"),
    ],
)
def test_a_decision_that_cannot_be_meant_names_the_field(
    command: wish.DecideExperiment, pointer: str
) -> None:
    assert refused("experiment", command, MADE, BEGUN).pointer == pointer


@pytest.mark.parametrize(
    ("plan", "pointer"),
    [
        (replace(PLAN, name=" "), "/name"),
        (replace(PLAN, arms=(AS_IS,)), "/arms"),
        (replace(PLAN, arms=(AS_IS,) * 11), "/arms"),
        (replace(PLAN, arms=(AS_IS, replace(COOL, name="as-is"))), "/arms/1/name"),
        (replace(PLAN, arms=(AS_IS, Arm(name="B"))), "/arms/1/name"),
        (replace(PLAN, arms=(AS_IS, Arm(name="b", weight=3))), "/arms"),
        (replace(PLAN, arms=(AS_IS, replace(COOL, weight=0))), "/arms/1/weight"),
        (replace(PLAN, prompt_id=""), "/arms/1/number"),
        (replace(PLAN, arms=(AS_IS, replace(COOL, top_p=1.1))), "/arms/1/top_p"),
        (
            replace(PLAN, arms=(AS_IS, replace(COOL, temperature=float("nan")))),
            "/arms/1/temperature",
        ),
        (
            replace(PLAN, arms=(AS_IS, replace(COOL, max_tokens=0))),
            "/arms/1/max_tokens",
        ),
    ],
)
def test_a_plan_that_cannot_be_meant_names_the_field(plan: Plan, pointer: str) -> None:
    found = refused("experiment", wish.CreateExperiment(plan))

    assert found.pointer == pointer
    assert found.detail


def test_a_subject_meets_its_arm_once() -> None:
    tell = wish.RecordExposure("e", "cool", "person:u")
    told = fact.ExposureRecorded("e", "cool", "person:u")

    assert when("exposure", tell) == told
    assert when("exposure", tell, told) is None
    other = wish.RecordExposure("e", "as-is", "person:u")
    assert refused("exposure", other, told).code == "exposure_exists"
