"""AI jobs: one question to the gateway; texts go on the log, vectors to the store."""

import hashlib
from typing import Protocol

import msgspec
from msgspec import Struct

from ai_adapter.base import Answer, Ask, Attempt, Output, Task
from ai_adapter.base import Usage as Spent
from ai_adapter.errors import Refused
from ai_adapter.tools.use import use
from schemas.generation import Generated, GenerateInput, Tried, Usage
from streams.agents.others import PREFIX, Others
from streams.agents.paying import Asks
from streams.agents.tooling import (
    MOST_ON_LOG,
    Objects,
    kept_result,
    text_of,
    tool_of,
    wish_of,
)
from streams.agents.work import Impossible, Job, Report


class Doors(Protocol):
    """Gives each attempt whoever answers its questions; see `paying.Till`."""

    def of(self, job: Job) -> Asks: ...


class Generating:
    """The work for GenerateInput."""

    def __init__(
        self, doors: Doors, objects: Objects, others: Others | None = None
    ) -> None:
        self._doors = doors
        self._objects = objects
        self._others = others

    async def generate(self, job: Job, report: Report) -> Generated:
        wanted = job.asked(GenerateInput)
        report(10, "asking")
        try:
            answer = await self._answer(job, wanted)
        except Refused as no:
            raise Impossible(no.code, no.reason) from no
        home = Home(job.tenant, job.id, wanted.task, wanted.scene, wanted.tool)
        return await generated(home, answer, self._objects)

    async def _answer(self, job: Job, wanted: GenerateInput) -> Answer:
        door = self._doors.of(job)
        if not wanted.tool:
            return await door.ask(_ask(job, wanted))
        if self._others and wanted.tool.startswith(PREFIX):
            text = await text_of(wanted, self._objects)
            return await self._others.use(job.tenant, wanted.tool, text, job.id)
        wish = await wish_of(wanted, self._objects)
        used = await use(door.ask, tool_of(wanted.tool), wish, job.tenant)
        return used.answer


class Home(Struct, frozen=True):
    """Where an answer belongs: its tenant, its job, and what was asked."""

    tenant: str
    job_id: str
    task: str
    scene: str
    tool: str = ""


async def generated(home: Home, answer: Answer, objects: Objects) -> Generated:
    """What goes on the log: texts as they are, vectors by reference."""
    texts = texts_of(answer.output)
    long = bool(home.tool) and sum(map(len, texts)) > MOST_ON_LOG
    return Generated(
        task=home.task,
        output=() if long else texts,
        usage=used(answer.usage),
        provider=answer.provider,
        model_name=answer.model_name,
        latency_ms=answer.latency_ms,
        degraded=answer.degraded,
        prompt_hash=answer.prompt_hash,
        prompt_version=answer.prompt_version,
        scene=home.scene,
        vectors_key="" if texts else await _keep(home, answer.output, objects),
        tool=home.tool,
        output_key=await kept_result(home, texts[0], objects) if long else "",
        arm=answer.arm,
        policy=answer.policy,
        score=answer.score,
        stale=answer.stale,
        cached_from=answer.cached_from,
        calls=len(answer.attempts),
        request_id=answer.request_id,
        finish_reason=answer.finish_reason,
        verdict=answer.verdict.ruling,
        verdict_rules=answer.verdict.rules,
        body_key=answer.body_key,
        tried=tuple(map(_tried, answer.attempts)) if len(answer.attempts) > 1 else (),
    )


def _tried(attempt: Attempt) -> Tried:
    return Tried(
        provider=attempt.provider,
        model_name=attempt.model_name,
        outcome=attempt.outcome,
        latency_ms=attempt.latency_ms,
        usage=Usage() if attempt.usage is None else used(attempt.usage),
    )


def used(spent: Spent) -> Usage:
    """Money as a decimal string; an unknown price stays unknown."""
    return Usage(
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=None if spent.cost is None else str(spent.cost),
        currency=spent.currency,
        cached_tokens=spent.cached_tokens,
        price_row=spent.price_row,
        cache_write_tokens=spent.cache_write_tokens,
        image_tokens=spent.image_tokens,
        audio_tokens=spent.audio_tokens,
        reasoning_tokens=spent.reasoning_tokens,
        seconds=spent.seconds,
        images=spent.images,
        characters=spent.characters,
        unbalanced=spent.unbalanced,
        estimated=spent.estimated,
        no_calendar=spent.no_calendar,
    )


async def _keep(home: Home, output: Output, objects: Objects) -> str:
    """Vectors are named by content, so a second attempt can never differ."""
    digest = hashlib.sha256(msgspec.json.encode(output)).hexdigest()
    key = f"{home.tenant}/vectors/{home.job_id}/{digest}.json"
    await objects.put_json(key, output)
    return key


def texts_of(output: Output) -> tuple[str, ...]:
    """Empty for vectors."""
    if isinstance(output, str):
        return (output,)
    return tuple(each for each in output if isinstance(each, str))


def given(ask: Ask) -> GenerateInput:
    """An ask as the input of a job."""
    return GenerateInput(
        task=ask.task,
        model=ask.model,
        input=(ask.input,) if isinstance(ask.input, str) else ask.input,
        scene=ask.scene,
        lang=ask.lang,
        platform=ask.platform,
        variants=ask.variants,
        temperature=ask.temperature,
        max_tokens=ask.max_tokens,
        top_p=ask.top_p,
        variables=dict(ask.variables),
    )


def _ask(job: Job, wanted: GenerateInput) -> Ask:
    try:
        task = msgspec.convert(wanted.task, Task)
    except msgspec.ValidationError as wrong:
        raise Impossible("task_unknown", str(wrong)) from wrong
    return Ask(
        task=task,
        input=wanted.input,
        tenant_id=job.tenant,
        model=wanted.model,
        temperature=wanted.temperature,
        max_tokens=wanted.max_tokens,
        top_p=wanted.top_p,
        scene=wanted.scene,
        lang=wanted.lang,
        variants=wanted.variants,
        platform=wanted.platform,
        variables=wanted.variables,
    )
