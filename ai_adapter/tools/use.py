"""One use of a tool: ask, read, have it repaired once, and always end with a result.

Trouble ends like this: an answer that is no result is asked for once more with its
faults named; a text that is still too long is cut where a sentence ends; an answer that
is still no result is replaced by the tool's own offline one, and `degraded` says so.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct, structs

from ai_adapter import price_book
from ai_adapter.base import Answer, Ask
from ai_adapter.tools import translated
from ai_adapter.tools.bounds import cut, too_long
from ai_adapter.tools.tool import Tool, Unfit, Wish

W = TypeVar("W", bound=Wish)
Asks: TypeAlias = Callable[[Ask], Awaitable[Answer]]
OFFLINE = "template"


def on_behalf(ask: Asks, who: Ask) -> Asks:
    """Every ask of a tool is its user's: same tenant, project and person."""

    async def own(each: Ask) -> Answer:
        return await ask(
            structs.replace(
                each,
                tenant_id=who.tenant_id,
                project_id=who.project_id,
                person_id=who.person_id,
            )
        )

    return own


class Used(Struct, frozen=True):
    """`answer` has the money and time of all its asks; its output is the result."""

    result: Struct
    answer: Answer


class _Read(Struct, frozen=True):
    result: Struct | None
    faults: tuple[str, ...]


async def use(ask: Asks, tool: Tool[W], wish: W, tenant_id: str) -> Used:
    """Raises only what `ask` raises."""
    if not translated.needed(tool, wish):
        return await _used(ask, tool, wish, tenant_id)
    first = await _used(ask, tool, structs.replace(wish, lang="zh"), tenant_id)
    wanted = translated.question(first.result, wish, tenant_id)
    second = await ask(wanted)
    result = translated.put_back(first.result, second)
    answer = merged(first.answer, second, degraded=result is None)
    return _told(tool, wish, result or first.result, answer)


async def _used(ask: Asks, tool: Tool[W], wish: W, tenant_id: str) -> Used:
    question = tool.shape(wish, tenant_id)
    answer = await ask(question)
    found = _read(tool, wish, answer)
    if found.faults and answer.provider != OFFLINE:
        last = answer
        answer = merged(last, await ask(_again(question, last, found.faults)))
        found = _read(tool, wish, answer)
    if found.result is None:
        answer = structs.replace(answer, degraded=True)
    return _told(tool, wish, found.result or _offline(tool, wish), answer)


def _told(tool: Tool[W], wish: W, result: Struct, answer: Answer) -> Used:
    fitting = cut(result, tool.bounds(wish))
    output = msgspec.json.encode(fitting).decode()
    return Used(fitting, structs.replace(answer, output=output))


def _read(tool: Tool[W], wish: W, answer: Answer) -> _Read:
    if answer.provider == OFFLINE and tool.offline is not None:
        return _Read(tool.offline(wish), ())
    try:
        result = tool.read(answer)
    except Unfit as wrong:
        return _Read(None, (str(wrong),))
    return _Read(result, too_long(result, tool.bounds(wish)))


def _offline(tool: Tool[W], wish: W) -> Struct:
    if tool.offline is None:
        raise Unfit(f"the tool {tool.name} has no answer of its own")
    return tool.offline(wish)


def _again(question: Ask, last: Answer, faults: tuple[str, ...]) -> Ask:
    pieces = question.input
    given = (pieces,) if isinstance(pieces, str) else pieces
    note = f"faults: {'; '.join(faults)}"
    return structs.replace(question, input=(*given, f"lastAnswer: {last.output}", note))


def merged(first: Answer, second: Answer, *, degraded: bool = False) -> Answer:
    """The second answer with what both cost."""
    return structs.replace(
        second,
        usage=price_book.total((first.usage, second.usage)),
        latency_ms=first.latency_ms + second.latency_ms,
        attempts=(*first.attempts, *second.attempts),
        degraded=degraded or first.degraded or second.degraded,
    )
