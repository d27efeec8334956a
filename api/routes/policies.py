"""Routing policies: documents that say which model answers what, in versions."""

import json
from typing import Any

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field

from ai_adapter.policies import Policy
from api.deps import Read
from api.problems import Fault, Problem, missing
from api.rows import Rows
from api.shapes import Body, Item, Receipt, Shown
from api.writes import Write, Writes, answer, decide, receipt
from projections.policies.query import VERSIONS_OF
from schemas.commands.policy import LabelPolicy, WritePolicy
from schemas.ids import policy_id
from streams.ai_terms import policy_of

router = APIRouter(tags=["ai"])


class NewPolicy(Body):
    """`rules` in the order they are tried: the first one that matches decides."""

    name: str = Field(default="default", pattern=r"^[\w.-]{1,80}$")
    rules: list[dict[str, Any]] = Field(max_length=200)


class Live(Body):
    """0 = none: what is built in counts again."""

    number: int = Field(ge=0)


class Version(Shown):
    """`live`: this is the one that counts."""

    number: int
    name: str = ""
    live: bool = False
    document: dict[str, Any] = Field(default_factory=dict)


class Policies(Item):
    newest: int = 0
    live: int = 0
    versions: list[Version] = Field(default_factory=list)


class Checked(Shown):
    """What was understood, as it would be kept."""

    rules: list[dict[str, Any]]


@router.get("/ai/policies")
async def list_policies(rows: Read) -> list[Version]:
    """Every version, newest first."""
    return [_version(each) for each in await rows.all(VERSIONS_OF)]


@router.get("/ai/policies/{number}")
async def read_policy(number: int, rows: Read) -> Version:
    for each in await rows.all(VERSIONS_OF):
        if each["number"] == number:
            return _version(each)
    raise missing("policy")


@router.post("/ai/policies/check")
async def check_policy(body: NewPolicy, _rows: Read) -> Checked:
    """What is wrong with a document, before it becomes a version."""
    return Checked(rules=msgspec.to_builtins(_checked(body).rules))


@router.post("/ai/policies", status_code=202, response_model=Receipt)
async def write_policy(body: NewPolicy, write: Writes, rows: Read) -> Response:
    """A new version; it counts once it is made live."""
    _admin(write)
    _checked(body)
    document = json.dumps({"rules": body.rules}, ensure_ascii=False)
    wish = WritePolicy(name=body.name, document=document)
    return await _decided(write, wish, rows)


@router.put("/ai/policies/live", status_code=202, response_model=Receipt)
async def label_policy(body: Live, write: Writes, rows: Read) -> Response:
    """Every process follows within a second."""
    _admin(write)
    return await _decided(write, LabelPolicy(number=body.number), rows)


async def _decided(
    write: Write, wish: WritePolicy | LabelPolicy, rows: Rows
) -> Response:
    own = policy_id(write.who.tenant)
    outcome = await decide(write, wish, own)
    told = receipt(write, outcome, own)
    show = lambda: rows.one("policies", Policies, own)  # noqa: E731
    return await answer(write, outcome, told, show)


def _checked(body: NewPolicy) -> Policy:
    try:
        return policy_of(body.name, 1, json.dumps({"rules": body.rules}))
    except msgspec.ValidationError as wrong:
        raise _fault(str(wrong)) from wrong


def _fault(said: str) -> Problem:
    """msgspec says where: `Expected int - at `$.rules[0].when.chars_from``."""
    detail, _, place = said.partition(" - at `$")
    pointer = place.rstrip("`").replace("[", "/").replace("]", "").replace(".", "/")
    fault = Fault(
        pointer, detail, "Correct this field; see docs/howto/limit-ai-costs.md."
    )
    return Problem(422, "This is no routing policy.", fault, code="policy_invalid")


def _admin(write: Write) -> None:
    if write.who.role != "admin":
        raise Problem(403, "Only an admin may change policies.", code="forbidden")


def _version(row: dict[str, Any]) -> Version:
    return Version.model_validate(row | {"document": json.loads(row["document"])})
