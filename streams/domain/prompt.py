"""Rules of a prompt: a version is never changed, a label points at one of them."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ai_adapter.prompts.language import Unfillable, check
from schemas.commands.prompt import (
    AddPromptVersion,
    CreatePrompt,
    LabelPrompt,
    PromptCommand,
    RollBackPrompt,
)
from schemas.events.prompt import (
    PromptCreated,
    PromptEvent,
    PromptLabelled,
    PromptVersionAdded,
)
from schemas.prompts import PromptText
from streams.domain.rejected import Rejected, exists, missing

NOTE_LIMIT = 500
REMEMBERED = 50


class Prompt(Struct, frozen=True):
    """`text` is the newest; `past` are the numbers that were live, the last one last.

    `number` is 0 before the first version.
    """

    name: str = ""
    project_id: str = ""
    text: PromptText = PromptText(system="")
    number: int = 0
    draft: int = 0
    live: int = 0
    past: tuple[int, ...] = ()


initial = Prompt()


def decide(command: PromptCommand, prompt: Prompt) -> PromptEvent | None:
    if isinstance(command, CreatePrompt):
        return _create(command, prompt)
    if not prompt.number:
        raise missing("prompt")
    match command:
        case AddPromptVersion():
            return _add(command, prompt)
        case LabelPrompt():
            return _label(command, prompt)
        case RollBackPrompt():
            return _roll_back(prompt)
        case _:
            assert_never(command)


def _create(command: CreatePrompt, prompt: Prompt) -> PromptCreated | None:
    _check(command.text, command.note)
    if not prompt.number:
        return PromptCreated(
            command.name, command.text, command.project_id, command.note
        )
    if prompt.number > 1 or prompt.text != command.text:
        raise exists("prompt")
    return None


def _add(command: AddPromptVersion, prompt: Prompt) -> PromptVersionAdded | None:
    _check(command.text, command.note)
    if command.text == prompt.text:
        return None
    return PromptVersionAdded(prompt.number + 1, command.text, command.note)


def _check(text: PromptText, note: str) -> None:
    try:
        check(text)
    except Unfillable as no:
        raise Rejected("invalid", no.code, no.detail, pointer=no.pointer) from no
    if len(note) > NOTE_LIMIT:
        detail = f"A note has at most {NOTE_LIMIT} characters."
        raise Rejected("invalid", "note_length", detail, pointer="/note")


def _label(command: LabelPrompt, prompt: Prompt) -> PromptLabelled | None:
    least = 0 if command.label == "live" else 1
    if not least <= command.number <= prompt.number:
        raise Rejected(
            "invalid",
            "version_unknown",
            f"Choose a version from {least} to {prompt.number}.",
            pointer="/number",
        )
    before = prompt.live if command.label == "live" else prompt.draft
    if command.number == before:
        return None
    return PromptLabelled(command.label, command.number, before)


def _roll_back(prompt: Prompt) -> PromptLabelled:
    if not prompt.past:
        raise Rejected(
            "conflict", "nothing_before", "Nothing was live before; label a version."
        )
    return PromptLabelled("live", prompt.past[-1], prompt.live, rolled_back=True)


def evolve(prompt: Prompt, event: PromptEvent) -> Prompt:
    match event:
        case PromptCreated(name=name, text=text, project_id=project_id):
            return Prompt(name, project_id, text, number=1, draft=1)
        case PromptVersionAdded(number=number, text=text):
            return replace(prompt, text=text, number=number, draft=number)
        case PromptLabelled(label="draft", number=number):
            return replace(prompt, draft=number)
        case PromptLabelled():
            return replace(prompt, live=event.number, past=_past(prompt, event))
        case _:
            assert_never(event)


def _past(prompt: Prompt, event: PromptLabelled) -> tuple[int, ...]:
    """A roll-back takes one step back; two of them go two steps, not to and fro."""
    if event.rolled_back:
        return prompt.past[:-1]
    return (*prompt.past, event.before)[-REMEMBERED:] if event.before else prompt.past
