"""Wishes and results of tools where a job carries them: on the log or in the store."""

import hashlib
from typing import Protocol, TypeVar

import msgspec

from ai_adapter.chains import composed
from ai_adapter.registry import TOOLS
from ai_adapter.tools.tool import AnyTool, Wish
from ai_adapter.tools.wishes import BadWish, wished
from schemas.jobs import GenerateInput
from streams.agents.work import Impossible

T = TypeVar("T")

MOST_ON_LOG = 4_000
"""Characters; what is longer is kept in the store, and the log has its name."""


class Objects(Protocol):
    async def put_json(self, key: str, value: object) -> None: ...

    async def get_json(self, key: str, kind: type[T]) -> T: ...


class Place(Protocol):
    """A tenant and the job an answer belongs to."""

    @property
    def tenant(self) -> str: ...

    @property
    def job_id(self) -> str: ...


def tool_of(name: str) -> AnyTool:
    if name not in TOOLS:
        raise Impossible("tool_unknown", f"There is no tool {name[:40]!r}.")
    return TOOLS[name]


async def wish_of(wanted: GenerateInput, objects: Objects) -> Wish:
    """What was asked, typed again; raises Impossible where it no longer fits."""
    tool = tool_of(wanted.tool)
    if wanted.take:
        return await _step_of(tool, wanted, objects)
    text = await text_of(wanted, objects)
    try:
        found: Wish = msgspec.json.decode(text, type=tool.wish)
    except msgspec.DecodeError as wrong:
        raise Impossible("wish_invalid", str(wrong)) from wrong
    return found


async def text_of(wanted: GenerateInput, objects: Objects) -> str:
    """The wish as JSON, from the log or from the store."""
    if wanted.input_key:
        return await objects.get_json(wanted.input_key, str)
    return wanted.input[0] if wanted.input else ""


async def _step_of(tool: AnyTool, wanted: GenerateInput, objects: Objects) -> Wish:
    """A step of a chain: fixed fields, and those taken from what was before."""
    fixed, given, last = (*wanted.input, "", "", "")[:3]
    sources = {
        "input": await _object(given, wanted.input_key, objects),
        "last": await _object(last, wanted.last_key, objects),
    }
    take = [(each.field, each.path) for each in wanted.take]
    try:
        return wished(tool, composed(await _object(fixed, "", objects), take, sources))
    except BadWish as wrong:
        raise Impossible("wish_invalid", str(wrong)) from wrong


async def _object(text: str, key: str, objects: Objects) -> dict[str, object]:
    if key:
        text = await objects.get_json(key, str)
    return msgspec.json.decode(text, type=dict[str, object]) if text else {}


async def asking_for(
    tool: AnyTool, wish: Wish, tenant: str, objects: Objects
) -> GenerateInput:
    """The input of a job that uses the tool; a long wish goes to the store first."""
    text = msgspec.json.encode(wish).decode()
    ask = tool.shape(wish, tenant)
    long = len(text) > MOST_ON_LOG
    return GenerateInput(
        task=ask.task,
        model=ask.model,
        input=() if long else (text,),
        scene=ask.scene,
        lang=ask.lang,
        platform=ask.platform,
        temperature=ask.temperature,
        max_tokens=ask.max_tokens,
        tool=tool.name,
        input_key=await _kept(tenant, "wishes", text, objects) if long else "",
    )


async def kept_input(
    tenant: str, given: dict[str, object], objects: Objects
) -> tuple[str, str]:
    """The input of a run as JSON, or empty and the key under which it is kept."""
    text = msgspec.json.encode(given).decode()
    if len(text) <= MOST_ON_LOG:
        return text, ""
    return "", await _kept(tenant, "wishes", text, objects)


async def kept_result(place: Place, text: str, objects: Objects) -> str:
    return await _kept(place.tenant, f"results/{place.job_id}", text, objects)


async def _kept(tenant: str, folder: str, text: str, objects: Objects) -> str:
    """Named by content: a second attempt can never differ."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = f"{tenant}/{folder}/{digest}.json"
    await objects.put_json(key, text)
    return key
