"""Chains of tools as data: define one, run it, look at a run, take it up again."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from msgspec import convert, json
from psycopg.rows import DictRow
from pydantic import BeforeValidator, Field, StringConstraints

from ai_adapter.chains import PATH, composed
from ai_adapter.tools.wishes import BadWish, needed, wished
from api.deps import Cursor, Limit, Read, here
from api.problems import invalid, missing
from api.rows import Rows
from api.shapes import Body, Failure, Id, Item, Page, Receipt, Shown
from api.tooling import document, known
from api.writes import Write, Writes, answer, decide, receipt
from projections.chains.query import STEPS
from schemas.chains import Step, StepResult, Take
from schemas.commands.chain import DefineChain, ResumeRun, StartRun
from streams.agents.tooling import Objects, kept_input

router = APIRouter(prefix="/ai/chains", tags=["ai"])


def opened(text: object) -> object:
    return json.decode(text) if isinstance(text, str) else text


Path = Annotated[str, StringConstraints(pattern=f"^{PATH.pattern}$", max_length=200)]


class NewStep(Body):
    """`take` says where fields come from: `input.text`, `last.titles.0`."""

    tool: Annotated[str, Field(max_length=60)]
    fixed: dict[str, object] = Field(default={}, max_length=50)
    take: dict[str, Path] = Field(default={}, max_length=50)


class NewChain(Body):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    steps: list[NewStep] = Field(min_length=1, max_length=10)


class NewRun(Body):
    """`input` is what the steps take their `input.…` from."""

    input: dict[str, object] = Field(max_length=50)
    project_id: Id | None = None


class TakeShown(Shown):
    field: str
    path: str


class StepShown(Shown):
    """`fixed` is JSON text in the rows and an object to people."""

    tool: str
    fixed: Annotated[dict[str, object], BeforeValidator(opened)] = Field(
        default_factory=dict
    )
    take: list[TakeShown] = Field(default_factory=list)


class ChainShown(Item):
    name: str = ""
    number: int = 0
    steps: list[StepShown] = Field(default_factory=list)


class Made(Shown):
    """What one step made; `result` is as the tool's output schema says."""

    index: int
    tool: str
    task_id: str
    degraded: bool
    result: dict[str, object]
    cost: float | None = None
    currency: str = ""


class RunShown(Item):
    """`step` is the one under way; after a failure, the one that is missing."""

    chain_id: str = ""
    number: int = 0
    status: str = ""
    step: int = 0
    steps: int = 0
    project_id: str = ""
    problem: Failure | None = None
    made: list[Made] = Field(default_factory=list)


@router.post("", status_code=202, response_model=Receipt)
async def define_chain(body: NewChain, write: Writes, rows: Read) -> Response:
    return await _define(body, write, rows, write.new_id("chain"))


@router.put("/{chain_id}", status_code=202, response_model=Receipt)
async def define_again(
    chain_id: Id, body: NewChain, write: Writes, rows: Read
) -> Response:
    """The next version; runs that began keep theirs."""
    await _chain(rows, chain_id)
    return await _define(body, write, rows, chain_id)


@router.get("")
async def list_chains(
    rows: Read, cursor: Cursor = None, limit: Limit = 50
) -> Page[ChainShown]:
    return await rows.page("chains", ChainShown, cursor=cursor, limit=limit)


@router.get("/{chain_id}")
async def read_chain(chain_id: Id, rows: Read) -> ChainShown:
    return await _chain(rows, chain_id)


@router.post("/{chain_id}/runs", status_code=202, response_model=Receipt)
async def start_run(chain_id: Id, body: NewRun, write: Writes, rows: Read) -> Response:
    chain = await _chain(rows, chain_id)
    if body.project_id and await rows.one("projects", Item, body.project_id) is None:
        raise missing("project", "/projectId")
    steps = tuple(_stored(each) for each in chain.steps)
    _check_input(chain, body.input)
    run_id = write.new_id("run")
    text, key = await kept_input(write.who.tenant, body.input, write.parts.storage)
    wish = StartRun(
        chain_id=chain_id,
        number=chain.number,
        steps=steps,
        input=text,
        input_key=key,
        project_id=body.project_id or "",
        requested_by=write.who.auth_id,
    )
    outcome = await decide(write, wish, run_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, run_id),
        lambda: rows.one("runs", RunShown, run_id),
        made=f"/api/v1/ai/chains/{chain_id}/runs/{run_id}",
    )


@router.get("/{chain_id}/runs")
async def list_runs(
    chain_id: Id, rows: Read, cursor: Cursor = None, limit: Limit = 50
) -> Page[RunShown]:
    where = {"chain_id": chain_id}
    return await rows.page("runs", RunShown, where=where, cursor=cursor, limit=limit)


@router.get("/{chain_id}/runs/{run_id}")
async def read_run(chain_id: Id, run_id: Id, rows: Read, request: Request) -> RunShown:
    run = await _run(rows, chain_id, run_id)
    lines = await rows.all(STEPS, (run_id,))
    storage = here(request).storage
    made = [await _made(line, storage) for line in lines]
    return run.model_copy(update={"made": made})


@router.post(
    "/{chain_id}/runs/{run_id}/resume", status_code=202, response_model=Receipt
)
async def resume_run(chain_id: Id, run_id: Id, write: Writes, rows: Read) -> Response:
    """Goes on at the first missing step; what was made stays."""
    run = await _run(rows, chain_id, run_id)
    outcome = await decide(write, ResumeRun(), run_id, cause=run.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, run_id),
        lambda: rows.one("runs", RunShown, run_id),
    )


async def _define(body: NewChain, write: Write, rows: Rows, chain_id: str) -> Response:
    steps = tuple(_step(at, each) for at, each in enumerate(body.steps))
    outcome = await decide(write, DefineChain(body.name, steps), chain_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, chain_id),
        lambda: rows.one("chains", ChainShown, chain_id),
        made=f"/api/v1/ai/chains/{chain_id}",
    )


async def _chain(rows: Rows, chain_id: str) -> ChainShown:
    found = await rows.one("chains", ChainShown, chain_id)
    if found is None:
        raise missing("chain")
    return found


async def _run(rows: Rows, chain_id: str, run_id: str) -> RunShown:
    found = await rows.one("runs", RunShown, run_id)
    if found is None or found.chain_id != chain_id:
        raise missing("run")
    return found


def _step(at: int, step: NewStep) -> Step:
    """Raises the 422 of a step that could never be taken."""
    place = f"/steps/{at}"
    needs = needed(known(step.tool, f"{place}/tool"))
    for name in (*step.fixed, *step.take):
        if name not in needs:
            where = "fixed" if name in step.fixed else "take"
            remedy = f"Use fields of {step.tool}: {', '.join(needs)}."
            raise invalid(f"{place}/{where}/{name}", "No such field.", remedy)
    for name, path in step.take.items():
        if at == 0 and path.startswith("last"):
            remedy = "Take it from `input`."
            raise invalid(f"{place}/take/{name}", "Nothing is before it.", remedy)
    for name, required in needs.items():
        if required and name not in {*step.fixed, *step.take}:
            remedy = f"Give {name} in fixed or take."
            raise invalid(f"{place}/take", f"{step.tool} needs {name}.", remedy)
    take = tuple(Take(field, path) for field, path in step.take.items())
    return Step(step.tool, json.encode(step.fixed).decode(), take)


def _stored(step: StepShown) -> Step:
    take = tuple(Take(each.field, each.path) for each in step.take)
    return Step(step.tool, json.encode(step.fixed).decode(), take)


def _check_input(chain: ChainShown, given: dict[str, object]) -> None:
    """What the first step would be asked must fit; of later ones, what input gives."""
    sources = {"input": given}
    try:
        for step in chain.steps[1:]:
            pairs = [(each.field, each.path) for each in step.take]
            composed({}, [p for p in pairs if p[1].startswith("input")], sources)
        first = chain.steps[0]
        take = [(each.field, each.path) for each in first.take]
        wished(known(first.tool), composed(first.fixed, take, sources))
    except BadWish as wrong:
        remedy = "Give what the steps take from `input`; see GET /api/v1/ai/chains."
        raise invalid("/input", f"{wrong.pointer}: {wrong.reason}", remedy) from wrong


async def _made(line: DictRow, storage: Objects) -> Made:
    result = convert(line["result"], StepResult)
    text = result.output or "{}"
    if result.output_key:
        text = await storage.get_json(result.output_key, str)
    return Made(
        index=line["index"],
        tool=result.tool,
        task_id=result.job_id,
        degraded=result.degraded,
        result=document(text),
        cost=None if result.cost is None else float(result.cost),
        currency=result.currency,
    )
