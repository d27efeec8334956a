"""Rules of an experiment: a plan that stays, one run, and a person's decision."""

import math
import re
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.experiment import (
    CreateExperiment,
    DecideExperiment,
    ExperimentCommand,
    StartExperiment,
    StopExperiment,
)
from schemas.events.experiment import (
    ExperimentCreated,
    ExperimentDecided,
    ExperimentEvent,
    ExperimentStarted,
    ExperimentStopped,
)
from schemas.experiments import Arm, Plan
from streams.domain.rejected import Rejected, exists, missing

ARMS_MAX = 10
WEIGHT_MAX = 1_000
TEXT_MAX = 500
TOKENS_MAX = 32_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Experiment(Struct, frozen=True):
    """`status`: empty before it is created, then planned, running, stopped, decided."""

    plan: Plan | None = None
    status: str = ""


initial = Experiment()


def decide(
    command: ExperimentCommand, experiment: Experiment
) -> ExperimentEvent | None:
    if isinstance(command, CreateExperiment):
        return _create(command.plan, experiment)
    if experiment.plan is None:
        raise missing("experiment")
    match command:
        case StartExperiment():
            return _start(experiment)
        case StopExperiment():
            return _stop(experiment)
        case DecideExperiment():
            return _decided(command, experiment, experiment.plan)
        case _:
            assert_never(command)


def _create(plan: Plan, experiment: Experiment) -> ExperimentCreated | None:
    _check(plan)
    if experiment.plan is None:
        return ExperimentCreated(plan)
    if experiment.plan != plan:
        raise exists("experiment")
    return None


def _check(plan: Plan) -> None:
    if not plan.name.strip() or len(plan.name) > TEXT_MAX:
        raise _invalid("/name", "name_length", f"A name has 1 to {TEXT_MAX} characters")
    if not 2 <= len(plan.arms) <= ARMS_MAX:
        raise _invalid("/arms", "arms_count", f"Compare 2 to {ARMS_MAX} arms")
    names = [arm.name for arm in plan.arms]
    for index, arm in enumerate(plan.arms):
        _check_arm(f"/arms/{index}", arm, plan)
        if arm.name in names[:index]:
            raise _invalid(f"/arms/{index}/name", "name_twice", "Name each arm once")
    if len({_treatment(arm) for arm in plan.arms}) < len(plan.arms):
        raise _invalid("/arms", "arms_alike", "Give each arm something of its own")


def _treatment(arm: Arm) -> Arm:
    return replace(arm, name="", weight=1)


def _check_arm(where: str, arm: Arm, plan: Plan) -> None:
    if not _NAME.fullmatch(arm.name):
        raise _invalid(f"{where}/name", "name", "Use small letters, digits, - and _")
    if not 1 <= arm.weight <= WEIGHT_MAX:
        detail = f"A weight is a whole number from 1 to {WEIGHT_MAX}"
        raise _invalid(f"{where}/weight", "weight", detail)
    if arm.number < 0 or (arm.number and not plan.prompt_id):
        detail = "A version needs the prompt it is of: give promptId"
        raise _invalid(f"{where}/number", "version", detail)
    _within(f"{where}/temperature", arm.temperature, 0, 2)
    _within(f"{where}/top_p", arm.top_p, 0, 1)
    _within(f"{where}/max_tokens", arm.max_tokens, 1, TOKENS_MAX)


def _within(where: str, value: float | None, low: int, high: int) -> None:
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise _invalid(where, "out_of_range", f"Give a number from {low} to {high}")


def _invalid(pointer: str, code: str, detail: str) -> Rejected:
    return Rejected("invalid", code, f"{detail}.", pointer=pointer)


def _start(experiment: Experiment) -> ExperimentStarted | None:
    if experiment.status == "running":
        return None
    if experiment.status != "planned":
        raise Rejected(
            "conflict",
            "experiment_over",
            "It ran already; create a new one, which deals its arms anew.",
        )
    return ExperimentStarted()


def _stop(experiment: Experiment) -> ExperimentStopped | None:
    if experiment.status in ("stopped", "decided"):
        return None
    return ExperimentStopped()


def _decided(
    command: DecideExperiment, experiment: Experiment, plan: Plan
) -> ExperimentDecided | None:
    if experiment.status == "planned":
        detail = "Nobody has met its arms yet; start it first."
        raise Rejected("conflict", "not_started", detail)
    if not command.reason.strip() or len(command.reason) > TEXT_MAX:
        detail = f"Say why, in 1 to {TEXT_MAX} characters"
        raise _invalid("/reason", "reason_length", detail)
    wanted = _verdict(command, plan)
    if experiment.status == "decided":
        raise Rejected("conflict", "decided_already", "A person has decided this.")
    return wanted


def _verdict(command: DecideExperiment, plan: Plan) -> ExperimentDecided:
    arms = {arm.name: arm for arm in plan.arms}
    if command.arm and command.arm not in arms:
        names = ", ".join(arms)
        raise _invalid("/arm", "arm_unknown", f"Choose one of {names}, or none")
    if not command.make_live:
        return ExperimentDecided(command.arm, command.reason)
    number = arms[command.arm].number if command.arm else 0
    if not number:
        detail = "This arm has no version of a prompt that could be live"
        raise _invalid("/makeLive", "no_version", detail)
    return ExperimentDecided(command.arm, command.reason, plan.prompt_id, number)


def evolve(experiment: Experiment, event: ExperimentEvent) -> Experiment:
    match event:
        case ExperimentCreated(plan=plan):
            return Experiment(plan, "planned")
        case ExperimentStarted():
            return replace(experiment, status="running")
        case ExperimentStopped():
            return replace(experiment, status="stopped")
        case ExperimentDecided():
            return replace(experiment, status="decided")
        case _:
            assert_never(event)
