"""Who gets which arm of an experiment, and what that changes about an ask; pure.

The same experiment and subject give the same arm in every process and at every time, so
an assignment is never stored: anybody can deal it again from the log.
"""

import hashlib
from collections.abc import Mapping
from itertools import accumulate

import msgspec
from msgspec import Struct, structs

from ai_adapter.base import Ask
from ai_adapter.ports import Chosen
from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.repository import prompt_for
from schemas.experiments import Arm, Unit

_SPACE = 2**64


class Running(Struct, frozen=True, kw_only=True):
    """An experiment that deals arms now; `prompts` are the versions its arms mean."""

    id: str
    prompt: str
    arms: tuple[Arm, ...]
    project_id: str = ""
    unit: Unit = "material"
    prompts: Mapping[int, Prompt] = {}


class Book(Struct, frozen=True):
    """What a tenant has put in place of what is built in, by project and name.

    `running`: the one that was started first is asked first.
    """

    live: Mapping[tuple[str, str], Prompt] = {}
    running: tuple[Running, ...] = ()


class Exposure(Struct, frozen=True):
    """This subject is about to meet this arm."""

    experiment_id: str
    arm: str
    subject: str


def chosen(book: Book, ask: Ask) -> tuple[Chosen, Exposure | None]:
    """Raises Refused with `tool_unknown`."""
    built_in = prompt_for(ask)
    prompt = live(book, built_in, ask.project_id)
    for experiment in book.running:
        subject = subject_of(experiment, ask)
        if subject and _about(experiment, ask, built_in.name):
            arm = dealt(experiment.id, subject, experiment.arms)
            label = f"{experiment.id}/{arm.name}"
            prompt = experiment.prompts.get(arm.number, prompt)
            met = Exposure(experiment.id, arm.name, subject)
            return Chosen(prompt, changed(ask, arm), label), met
    return Chosen(prompt, ask), None


def live(book: Book, built_in: Prompt, project_id: str) -> Prompt:
    """The project's own, else the tenant's, else what is built in."""
    found = book.live.get((project_id, built_in.name))
    return found or book.live.get(("", built_in.name)) or built_in


def _about(experiment: Running, ask: Ask, name: str) -> bool:
    """A model that was asked for by name is not exchanged: such asks take no part."""
    if ask.messages or experiment.prompt != name:
        return False
    if experiment.project_id not in ("", ask.project_id):
        return False
    return ask.model == "auto" or not any(arm.model for arm in experiment.arms)


def subject_of(experiment: Running, ask: Ask) -> str:
    """Empty for an ask that does not say who or what it is about."""
    match experiment.unit:
        case "person":
            return f"person:{ask.person_id}" if ask.person_id else ""
        case "project":
            return f"project:{ask.project_id}" if ask.project_id else ""
        case "material":
            pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
            body = msgspec.json.encode(pieces)
            return f"material:{hashlib.sha256(body).hexdigest()[:32]}"


def dealt(experiment_id: str, subject: str, arms: tuple[Arm, ...]) -> Arm:
    """By weight; needs at least one arm."""
    drawn = hashlib.sha256(f"{experiment_id}\n{subject}".encode()).digest()
    point = int.from_bytes(drawn[:8]) * sum(arm.weight for arm in arms)
    ends = accumulate(arm.weight for arm in arms)
    return next(
        arm for arm, end in zip(arms, ends, strict=True) if point < end * _SPACE
    )


def changed(ask: Ask, arm: Arm) -> Ask:
    """The ask as this arm makes it; everything the arm leaves out stays."""
    return structs.replace(
        ask,
        model=arm.model or ask.model,
        temperature=ask.temperature if arm.temperature is None else arm.temperature,
        max_tokens=ask.max_tokens if arm.max_tokens is None else arm.max_tokens,
        top_p=ask.top_p if arm.top_p is None else arm.top_p,
    )
