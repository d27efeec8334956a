"""A result written in Chinese first and then put into the language that was wished."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from ai_adapter.answers import unfenced
from ai_adapter.base import Answer, Ask
from ai_adapter.tools.bounds import plain
from ai_adapter.tools.tool import AnyTool, Wish

_MOST_TOKENS = 4000


def needed(tool: AnyTool, wish: Wish) -> bool:
    """Whether the tool does not write the language of the wish itself."""
    return bool(tool.native) and wish.lang.lower().split("-")[0] not in tool.native


def question(result: Struct, wish: Wish, tenant_id: str) -> Ask:
    """All texts of the result as lines to translate."""
    lines = list(_texts(plain(result)))
    return Ask(
        task="translate",
        input=msgspec.json.encode(lines).decode(),
        tenant_id=tenant_id,
        model=wish.model,
        temperature=0.3,
        max_tokens=_MOST_TOKENS,
        lang=wish.lang,
        scene=wish.scene,
    )


def put_back(result: Struct, answer: Answer) -> Struct | None:
    """The result with the translated lines; None where they are not as many."""
    found = plain(result)
    text = answer.output if isinstance(answer.output, str) else ""
    try:
        lines = msgspec.json.decode(unfenced(text), type=list[str])
        if len(lines) != len(list(_texts(found))):
            return None
        return msgspec.convert(_replaced(found, iter(lines)), type(result))
    except msgspec.MsgspecError:
        return None


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
        case _:
            return


def _replaced(value: object, lines: Iterator[str]) -> object:
    match value:
        case str():
            return next(lines)
        case dict():
            return {name: _replaced(each, lines) for name, each in value.items()}
        case list():
            return [_replaced(each, lines) for each in value]
        case _:
            return value
