"""Prompts of a tenant: versions that stay, labels that move, and trials for nothing."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from ai_adapter.base import Ask, Task
from ai_adapter.errors import Refused
from ai_adapter.prompts.comparing import changes
from ai_adapter.prompts.language import Unfillable, check
from ai_adapter.prompts.prompt import Prompt, inputs_of, stored, word
from ai_adapter.prompts.repository import built_in
from api.deps import Cursor, Limit, ProjectId, Read
from api.problems import Fault, Problem, invalid, missing
from api.shapes import Body, Id, Item, Page, Receipt, Shown
from api.writes import Outcome, Write, Writes, answer, decide, receipt
from projections.prompts.query import VERSIONS
from schemas.commands.prompt import (
    AddPromptVersion,
    CreatePrompt,
    LabelPrompt,
    PromptCommand,
    RollBackPrompt,
)
from schemas.ids import derived
from schemas.prompts import LAYOUT, Kind, Label, PromptText, Variable

router = APIRouter(prefix="/ai/prompts", tags=["ai"])

Words = Annotated[str, StringConstraints(max_length=20_000, strip_whitespace=False)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+$", max_length=80)]
Number = Annotated[int, Field(ge=0, le=100_000)]


class Declared(Body):
    """One slot `{{name}}`; a line and a text stand in the layout only."""

    name: str = Field(max_length=40)
    kind: Kind = "line"
    required: bool = True
    least: int = 0
    most: int | None = None
    choices: list[str] = Field(default=[], max_length=100)
    default: str = Field(default="", max_length=20_000)


class PromptWords(Body):
    """`system` is constant but for words, choices and numbers."""

    system: Words
    layout: Words = LAYOUT
    variables: list[Declared] = Field(default=[], max_length=100)
    variants: int = Field(default=1, ge=1, le=10)

    def text(self) -> PromptText:
        return PromptText(
            system=self.system,
            layout=self.layout,
            variables=tuple(_variable(each) for each in self.variables),
            variants=self.variants,
        )


class NewVersion(PromptWords):
    note: str = Field(default="", max_length=500)


class NewPrompt(NewVersion):
    """`name` is one of `GET /ai/prompts/built-in`; this takes its place when live."""

    name: Name
    project_id: Id | None = None


class Chosen(Body):
    number: Number


class Trial(Body):
    """What a person would ask with this prompt."""

    material: str | list[str] = Field(default="", max_length=100_000)
    variables: dict[str, str | int | float] = Field(default={}, max_length=50)
    lang: str = Field(default="zh", max_length=20)
    platform: str = Field(default="", max_length=40)


class TrialOf(Trial):
    """Of a version; without a number, of the draft."""

    number: Number | None = None


class TrialWords(PromptWords):
    trial: Trial = Trial()


class Slot(Shown):
    name: str
    kind: Kind
    required: bool = True
    least: int = 0
    most: int | None = None
    choices: list[str] = Field(default=[])
    default: str = ""


class WordsShown(Shown):
    system: str = ""
    layout: str = LAYOUT
    variables: list[Slot] = Field(default=[])
    variants: int = 1


class BuiltIn(Shown):
    name: str
    number: int
    text: WordsShown


class PromptShown(Item):
    """`live` 0 = what is built in answers."""

    name: str = ""
    project_id: str = ""
    newest: int = 0
    draft: int = 0
    live: int = 0


class VersionShown(Item):
    prompt_id: str = ""
    number: int = 0
    text: WordsShown = WordsShown()
    note: str = ""
    by: str = ""


class Rendered(Shown):
    """The two messages as a model would get them."""

    system: str
    user: str
    label: str
    digest: str


class ChangeShown(Shown):
    field: str
    lines: list[str]


class Difference(Shown):
    before: str
    after: str
    changes: list[ChangeShown]


@router.get("/built-in")
async def list_built_in() -> Page[BuiltIn]:
    found = sorted(built_in().values(), key=lambda each: each.name)
    return Page(
        items=[
            BuiltIn(name=each.name, number=each.version, text=_shown(each.text))
            for each in found
        ]
    )


@router.post("/render")
async def try_words(body: TrialWords, _rows: Read) -> Rendered:
    """Of words that nobody saved; no model is asked."""
    text = body.text()
    try:
        check(text)
    except Unfillable as no:
        raise _unfillable(no.pointer, no.code, no.detail) from no
    return _rendered(stored("trial", 0, text, "tenant"), body.trial, "/trial")


@router.post("", status_code=202, response_model=Receipt)
async def create_prompt(body: NewPrompt, write: Writes, rows: Read) -> Response:
    """Its first version is the draft; label it `live` when it should answer."""
    if body.name not in built_in():
        raise invalid(
            "/name",
            f"No task and no tool has a prompt called {body.name!r}.",
            "Use a name of GET /api/v1/ai/prompts/built-in.",
        )
    project_id = body.project_id or ""
    if project_id and await rows.one("projects", Item, project_id) is None:
        raise missing("project", "/projectId")
    prompt_id = derived("prompt", project_id, body.name)
    wish = CreatePrompt(body.name, body.text(), project_id, body.note)
    made = f"/api/v1/ai/prompts/{prompt_id}"
    return await _told(write, rows, prompt_id, wish, made=made)


@router.get("")
async def list_prompts(
    rows: Read, project_id: ProjectId = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[PromptShown]:
    where = {"project_id": project_id}
    return await rows.page(
        "prompts", PromptShown, where=where, cursor=cursor, limit=limit
    )


@router.get("/{prompt_id}")
async def read_prompt(prompt_id: Id, rows: Read, response: Response) -> PromptShown:
    found = await _need(rows, prompt_id)
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.post("/{prompt_id}/versions", status_code=202, response_model=Receipt)
async def add_version(
    prompt_id: Id, body: NewVersion, write: Writes, rows: Read
) -> Response:
    wish = AddPromptVersion(body.text(), body.note)
    return await _told(write, rows, prompt_id, wish)


@router.get("/{prompt_id}/versions")
async def list_versions(prompt_id: Id, rows: Read) -> Page[VersionShown]:
    await _need(rows, prompt_id)
    found = await rows.all(VERSIONS, (prompt_id,))
    return Page(items=[VersionShown.model_validate(each) for each in found])


@router.get("/{prompt_id}/versions/{number}")
async def read_version(prompt_id: Id, number: Number, rows: Read) -> VersionShown:
    return await _version(rows, prompt_id, number)


@router.put("/{prompt_id}/labels/{label}", status_code=202, response_model=Receipt)
async def label_version(
    prompt_id: Id, label: Label, body: Chosen, write: Writes, rows: Read
) -> Response:
    """Number 0 of `live` = what is built in answers again."""
    return await _told(write, rows, prompt_id, LabelPrompt(label, body.number))


@router.post("/{prompt_id}/roll-back", status_code=202, response_model=Receipt)
async def roll_back(prompt_id: Id, write: Writes, rows: Read) -> Response:
    """What was live before is live again."""
    return await _told(write, rows, prompt_id, RollBackPrompt())


Side = Annotated[int | Literal["live", "draft"], Query()]


@router.get("/{prompt_id}/diff")
async def compare(
    prompt_id: Id, rows: Read, before: Side = "live", after: Side = "draft"
) -> Difference:
    """Lines that went (-) and came (+); version 0 is what is built in."""
    row = await _need(rows, prompt_id)
    old, new = await _side(rows, row, before), await _side(rows, row, after)
    found = changes(old.text, new.text)
    shown = [ChangeShown(field=each.field, lines=list(each.lines)) for each in found]
    return Difference(before=old.label, after=new.label, changes=shown)


@router.post("/{prompt_id}/render")
async def try_version(prompt_id: Id, body: TrialOf, rows: Read) -> Rendered:
    """The messages as a model would get them; none is asked."""
    row = await _need(rows, prompt_id)
    side: int | Literal["draft"] = "draft" if body.number is None else body.number
    return _rendered(await _side(rows, row, side), body, "")


def _variable(given: Declared) -> Variable:
    return msgspec.convert(given.model_dump(), Variable)


def _shown(text: PromptText) -> WordsShown:
    return WordsShown.model_validate(msgspec.to_builtins(text))


async def _side(rows: Read, row: PromptShown, which: int | str) -> Prompt:
    numbers = {"live": row.live, "draft": row.draft}
    number = which if isinstance(which, int) else numbers[which]
    known = built_in()
    if number == 0 and row.name in known:
        return known[row.name]
    found = await _version(rows, row.id, number)
    text = msgspec.convert(found.text.model_dump(), PromptText)
    return stored(row.name, number, text, row.project_id or "tenant")


def _rendered(prompt: Prompt, trial: Trial, where: str) -> Rendered:
    task: Task = "copy"  # the words do not depend on it
    material = trial.material
    ask = Ask(
        task=task,
        input=material if isinstance(material, str) else tuple(material),
        tenant_id="",
        lang=trial.lang,
        platform=trial.platform,
        variables=trial.variables,
    )
    try:
        worded = word(prompt, ask, inputs_of(ask), prompt.variants)
    except Refused as no:
        raise _unfillable(f"{where}/variables", no.code, no.reason) from no
    return Rendered(
        system=worded.system,
        user=worded.user,
        label=worded.label,
        digest=worded.digest,
    )


def _unfillable(pointer: str, code: str, detail: str) -> Problem:
    remedy = "Change what the pointer names and send it again."
    return Problem(422, detail, Fault(pointer, detail, remedy), code=code)


async def _need(rows: Read, prompt_id: str) -> PromptShown:
    found = await rows.one("prompts", PromptShown, prompt_id)
    if found is None:
        raise missing("prompt")
    return found


async def _version(rows: Read, prompt_id: str, number: int) -> VersionShown:
    key = f"{prompt_id}:{number}"
    found = await rows.one("prompt_versions", VersionShown, key)
    if found is None:
        raise missing("version")
    return found


async def _told(
    write: Write,
    rows: Read,
    prompt_id: str,
    wish: PromptCommand,
    *,
    made: str = "",
) -> Response:
    outcome: Outcome = await decide(write, wish, prompt_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, prompt_id),
        lambda: rows.one("prompts", PromptShown, prompt_id),
        made=made,
    )
