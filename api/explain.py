"""Why did this happen: an event and everything that led to it, in causal order."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from api.rows import Rows
from api.shapes import Shown
from projections.history.query import WITH_CAUSES

NODES_MAX = 200


class Node(Shown):
    id: str
    type: str = ""
    subject: str = ""
    at: datetime
    causes: list[str] = Field(default_factory=list)
    topic: str = ""
    partition: int = 0
    offset: int = 0


class Explanation(Shown):
    """`lines` say the same for reading; the event asked about comes last."""

    nodes: list[Node]
    lines: list[str]
    complete: bool = True


async def explain(rows: Rows, event_id: str) -> Explanation:
    """Breadth first, so what is cut off above 200 events is the most remote."""
    found: dict[str, Node] = {}
    asked: set[str] = set()
    wanted = [event_id]
    while wanted and len(found) < NODES_MAX:
        now = wanted[: NODES_MAX - len(found)]
        asked.update(now)
        fresh = [
            Node.model_validate(row) for row in await rows.all(WITH_CAUSES, (now,))
        ]
        found.update((node.id, node) for node in fresh)
        causes = [cause for node in fresh for cause in node.causes]
        wanted = [each for each in dict.fromkeys(causes) if each not in asked]
    ordered = in_causal_order(found.values())
    return Explanation(
        nodes=ordered, lines=[_line(node) for node in ordered], complete=not wanted
    )


def in_causal_order(nodes: Iterable[Node]) -> list[Node]:
    """A cause before its effect; clocks decide only between independent ones."""
    waiting = sorted(nodes, key=lambda node: (node.at, node.id))
    there = {node.id for node in waiting}
    placed: dict[str, Node] = {}
    while waiting:
        ready = [
            node
            for node in waiting
            if all(cause in placed or cause not in there for cause in node.causes)
        ]
        # A circle cannot be written by us; were there one, time breaks it.
        chosen = ready[0] if ready else waiting[0]
        placed[chosen.id] = chosen
        waiting.remove(chosen)
    return list(placed.values())


def _line(node: Node) -> str:
    name = node.type.removeprefix("io.contentops.")
    return f"{node.at.isoformat(timespec='milliseconds')}  {name}  {node.subject}"
