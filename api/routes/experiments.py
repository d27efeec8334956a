"""Experiments: a plan that stays, arms that are dealt, results, a person's decision."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from ai_adapter.prompts.repository import built_in
from api.deps import Cursor, Limit, ProjectId, Read
from api.problems import invalid, missing
from api.results import ArmResult, Outcome, results
from api.shapes import Body, Id, Item, Line, Page, Receipt, Shown
from api.writes import Write, Writes, answer, decide, receipt
from projections.experiments.query import EXPOSED, OUTCOMES
from schemas.commands.experiment import (
    CreateExperiment,
    DecideExperiment,
    ExperimentCommand,
    StartExperiment,
    StopExperiment,
)
from schemas.experiments import Arm, Plan, Unit

router = APIRouter(prefix="/ai/experiments", tags=["ai"])

ArmName = Annotated[str, StringConstraints(max_length=40)]


class NewArm(Body):
    """What is left out stays as it is for everybody; `number` is of `promptId`."""

    name: ArmName
    weight: int = 1
    number: int = 0
    model: str = Field(default="", max_length=100, pattern=r"^[\w./:-]*$")
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = Field(default=None, alias="top_p")


class NewExperiment(Body):
    """`prompt` is a name of `GET /ai/prompts/built-in`; the first arm is compared with.

    `unit`: what stays with its arm. A material is the same text; with persons and
    projects several copies are of one subject, so intervals are narrower than they
    should be.
    """

    name: Line
    prompt: str = Field(max_length=80)
    arms: list[NewArm] = Field(max_length=100)
    prompt_id: Id | None = None
    project_id: Id | None = None
    unit: Unit = "material"


class Decision(Body):
    """An empty arm = none won. `makeLive`: its version becomes the live one."""

    arm: ArmName = ""
    reason: Line
    make_live: bool = False


class ArmShown(Shown):
    name: str
    weight: int = 1
    number: int = 0
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = Field(default=None, alias="top_p")


class Experiment(Item):
    """`status`: planned, running, stopped or decided."""

    name: str = ""
    prompt: str = ""
    prompt_id: str = ""
    project_id: str = ""
    unit: str = ""
    arms: list[ArmShown] = Field(default=[])
    status: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    winner: str = ""
    reason: str = ""
    decided_by: str = ""


class Results(Shown):
    """Of at most the newest 5000 copies; a template's answer is of no arm."""

    status: str
    arms: list[ArmResult]


class _Prompt(Item):
    name: str = ""
    newest: int = 0


@router.post("", status_code=202, response_model=Receipt)
async def create_experiment(body: NewExperiment, write: Writes, rows: Read) -> Response:
    """Nothing is dealt before it is started; a plan is never changed."""
    await _check(body, rows)
    experiment_id = write.new_id("experiment")
    made = f"/api/v1/ai/experiments/{experiment_id}"
    wish = CreateExperiment(_plan(body))
    return await _told(write, rows, experiment_id, wish, made=made)


@router.get("")
async def list_experiments(
    rows: Read, project_id: ProjectId = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[Experiment]:
    where = {"project_id": project_id}
    return await rows.page(
        "experiments", Experiment, where=where, cursor=cursor, limit=limit
    )


@router.get("/{experiment_id}")
async def read_experiment(
    experiment_id: Id, rows: Read, response: Response
) -> Experiment:
    found = await _need(rows, experiment_id)
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.post("/{experiment_id}/start", status_code=202, response_model=Receipt)
async def start_experiment(experiment_id: Id, write: Writes, rows: Read) -> Response:
    """Within a second every process deals its arms."""
    return await _told(write, rows, experiment_id, StartExperiment())


@router.post("/{experiment_id}/stop", status_code=202, response_model=Receipt)
async def stop_experiment(experiment_id: Id, write: Writes, rows: Read) -> Response:
    """For good: what is live answers everybody again."""
    return await _told(write, rows, experiment_id, StopExperiment())


@router.post("/{experiment_id}/decide", status_code=202, response_model=Receipt)
async def decide_experiment(
    experiment_id: Id, body: Decision, write: Writes, rows: Read
) -> Response:
    """No number decides: a person says which arm won, and why."""
    wish = DecideExperiment(body.arm, body.reason, body.make_live)
    return await _told(write, rows, experiment_id, wish)


@router.get("/{experiment_id}/results")
async def read_results(experiment_id: Id, rows: Read) -> Results:
    found = await _need(rows, experiment_id)
    exposed = await rows.all(EXPOSED, (experiment_id,))
    subjects = {str(each["arm"]): int(each["subjects"]) for each in exposed}
    told = await rows.all(OUTCOMES, (experiment_id,))
    outcomes = [Outcome.model_validate(each) for each in told]
    names = [arm.name for arm in found.arms]
    # Thousands of texts are compared: not in the way of other callers.
    arms = await asyncio.to_thread(results, names, subjects, outcomes)
    return Results(status=found.status, arms=arms)


async def _check(body: NewExperiment, rows: Read) -> None:
    if body.prompt not in built_in():
        raise invalid(
            "/prompt",
            f"No task and no tool has a prompt called {body.prompt!r}.",
            "Use a name of GET /api/v1/ai/prompts/built-in.",
        )
    if body.project_id and await rows.one("projects", Item, body.project_id) is None:
        raise missing("project", "/projectId")
    if body.prompt_id:
        _check_versions(body, await rows.one("prompts", _Prompt, body.prompt_id))


def _check_versions(body: NewExperiment, prompt: _Prompt | None) -> None:
    if prompt is None or prompt.name != body.prompt:
        raise missing("prompt", "/promptId")
    for index, arm in enumerate(body.arms):
        if arm.number > prompt.newest:
            raise invalid(
                f"/arms/{index}/number",
                f"The newest version is {prompt.newest}.",
                "Use a version that is there.",
            )


def _plan(body: NewExperiment) -> Plan:
    return Plan(
        name=body.name,
        prompt=body.prompt,
        arms=tuple(Arm(**each.model_dump()) for each in body.arms),
        prompt_id=body.prompt_id or "",
        project_id=body.project_id or "",
        unit=body.unit,
    )


async def _need(rows: Read, experiment_id: str) -> Experiment:
    found = await rows.one("experiments", Experiment, experiment_id)
    if found is None:
        raise missing("experiment")
    return found


async def _told(
    write: Write,
    rows: Read,
    experiment_id: str,
    wish: ExperimentCommand,
    *,
    made: str = "",
) -> Response:
    outcome = await decide(write, wish, experiment_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, experiment_id),
        lambda: rows.one("experiments", Experiment, experiment_id),
        made=made,
    )
