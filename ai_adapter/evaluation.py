"""Suites of questions with checks: how well a model answers, as a number to compare.

A suite is a file of JSON lines, one case each. What did not come from the model that
was meant scores nothing: a template must not pass for it.
"""

import asyncio
import re
from collections.abc import Sequence
from statistics import fmean
from typing import TypeAlias

import msgspec
from msgspec import Struct, structs

from ai_adapter.base import Answer, Ask, Task
from ai_adapter.distance import distance
from ai_adapter.errors import Refused
from ai_adapter.registry import TOOLS
from ai_adapter.tools.use import Asks, use

TENANT = "evaluation"
AT_ONCE = 4
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


class Contains(Struct, frozen=True, forbid_unknown_fields=True, tag="contains"):
    """Every text holds one of these."""

    texts: tuple[str, ...]


class Excludes(Struct, frozen=True, forbid_unknown_fields=True, tag="excludes"):
    """No text holds any of these."""

    texts: tuple[str, ...]


class Matches(Struct, frozen=True, forbid_unknown_fields=True, tag="matches"):
    """Every text has a place where the pattern fits."""

    pattern: str


class Length(Struct, frozen=True, forbid_unknown_fields=True, tag="length"):
    """Characters of every text."""

    least: int = 1
    most: int = 1_000_000


class Count(Struct, frozen=True, forbid_unknown_fields=True, tag="count"):
    """So many texts, no two of them alike."""

    texts: int


class Language(Struct, frozen=True, forbid_unknown_fields=True, tag="language"):
    """`zh`: most letters of every text are Chinese; anything else: fewest are."""

    lang: str


class Near(Struct, frozen=True, forbid_unknown_fields=True, tag="near"):
    """At most this share of every text differs from a good one (0..1)."""

    text: str
    within: float


Check: TypeAlias = Contains | Excludes | Matches | Length | Count | Language | Near


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to a task, or the wish of a tool; at least one check."""

    name: str
    checks: tuple[Check, ...]
    task: Task = "copy"
    input: str | tuple[str, ...] = ""
    lang: str = "zh"
    platform: str = ""
    variants: int = 1
    variables: dict[str, str | int | float] = {}
    tool: str = ""
    wish: dict[str, object] = {}


class Scored(Struct, frozen=True, kw_only=True):
    """`score` is the share of checks that hold; `faults` name the others."""

    name: str
    score: float
    faults: tuple[str, ...] = ()
    cost: str | None = None
    currency: str = ""
    latency_ms: int = 0
    prompt_version: str = ""
    model_name: str = ""


class Score(Struct, frozen=True):
    """Of a whole suite: the mean of its cases."""

    model: str
    score: float
    cases: tuple[Scored, ...]


class BadSuite(Exception):
    """A line of a suite cannot be read: name it to whoever wrote the file."""


def read(text: str) -> tuple[Case, ...]:
    """Raises BadSuite with the number of the line."""
    found: list[Case] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            found.append(_case(number, line))
    if not found:
        raise BadSuite("there is no case in it")
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise BadSuite("two cases have one name")
    return tuple(found)


def _case(number: int, line: str) -> Case:
    try:
        case = msgspec.json.decode(line, type=Case)
        for check in case.checks:
            if isinstance(check, Matches):
                re.compile(check.pattern)
    except (msgspec.DecodeError, re.error) as wrong:
        raise BadSuite(f"line {number}: {wrong}") from wrong
    if not case.checks:
        raise BadSuite(f"line {number}: a case without a check says nothing")
    if case.tool and case.tool not in TOOLS:
        raise BadSuite(f"line {number}: there is no tool {case.tool!r}")
    return case


async def evaluate(ask: Asks, cases: Sequence[Case], model: str) -> Score:
    """Asks each case once, a few at a time; the model that is meant or none."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Scored:
        async with room:
            return await _scored(ask, case, model)

    found = await asyncio.gather(*(one(case) for case in cases))
    return Score(model, fmean(each.score for each in found), tuple(found))


async def _scored(ask: Asks, case: Case, model: str) -> Scored:
    async def only(wanted: Ask) -> Answer:
        return await ask(structs.replace(wanted, model=model, fallback=False))

    try:
        answer = await _answered(only, case)
    except (Refused, msgspec.ValidationError) as no:
        return Scored(name=case.name, score=0.0, faults=(str(no),))
    if answer.degraded and not model.startswith("template"):
        faults: tuple[str, ...] = ("another than this model answered",)
        return Scored(name=case.name, score=0.0, faults=faults)
    faults = judged(case.checks, texts_of(answer))
    cost = answer.usage.cost
    return Scored(
        name=case.name,
        score=1 - len(faults) / len(case.checks),
        faults=faults,
        cost=None if cost is None else str(cost),
        currency=answer.usage.currency,
        latency_ms=answer.latency_ms,
        prompt_version=answer.prompt_version,
        model_name=answer.model_name,
    )


async def _answered(ask: Asks, case: Case) -> Answer:
    if case.tool:
        tool = TOOLS[case.tool]
        wish = msgspec.convert(case.wish, tool.wish)
        return (await use(ask, tool, wish, TENANT)).answer
    return await ask(
        Ask(
            task=case.task,
            input=case.input,
            tenant_id=TENANT,
            lang=case.lang,
            platform=case.platform,
            variants=case.variants,
            variables=case.variables,
        )
    )


def texts_of(answer: Answer) -> tuple[str, ...]:
    found = answer.output
    texts = (found,) if isinstance(found, str) else found
    return tuple(each for each in texts if isinstance(each, str))


def judged(checks: Sequence[Check], texts: tuple[str, ...]) -> tuple[str, ...]:
    """One sentence for each check that does not hold; without a text none does."""
    return tuple(
        fault
        for check in checks
        if (fault := _fault(check, texts) if texts else "there is no text")
    )


def _fault(check: Check, texts: tuple[str, ...]) -> str:
    if isinstance(check, Count):
        count = len(set(texts))
        return "" if count == check.texts else f"{count} texts, not {check.texts}"
    bad = next((text for text in texts if not _holds(check, text)), None)
    name = type(check).__name__.lower()
    return "" if bad is None else f"{name}: not so in {bad[:40]!r}"


def _holds(check: Check, text: str) -> bool:
    match check:
        case Contains(texts=wanted):
            return any(each in text for each in wanted)
        case Excludes(texts=unwanted):
            return not any(each in text for each in unwanted)
        case Matches(pattern=pattern):
            return re.search(pattern, text) is not None
        case Length(least=least, most=most):
            return least <= len(text) <= most
        case Language(lang=lang):
            return (_chinese(text) > 0.5) == lang.startswith("zh")
        case Near(text=good, within=within):
            return distance(good, text) <= within
        case Count():
            return True  # of all texts together, see above


def _chinese(text: str) -> float:
    letters = len(_LETTER.findall(text))
    return len(_HAN.findall(text)) / letters if letters else 0.0


class Drop(Struct, frozen=True):
    """A case, or the whole suite (empty name), that scores less than it did."""

    name: str
    before: float
    after: float


def drops(before: Score, after: Score, tolerance: float) -> tuple[Drop, ...]:
    """By more than the tolerance; a case that is gone is a drop as well."""
    now = {each.name: each.score for each in after.cases}
    found = [
        Drop(each.name, each.score, now.get(each.name, 0.0)) for each in before.cases
    ]
    whole = Drop("", before.score, after.score)
    return tuple(
        each for each in (whole, *found) if each.before - each.after > tolerance
    )
