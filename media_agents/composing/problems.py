"""What is wrong with a timeline: where, why, and what to do about it."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from media_agents.errors import MediaRefused

SHOWN = 3


class Problem(Struct, frozen=True):
    """`pointer` is a JSON pointer into the document; a warning hinders nothing."""

    pointer: str
    code: str
    detail: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


def errors(found: Sequence[Problem]) -> list[Problem]:
    return [each for each in found if each.severity == "error"]


def refuse(found: Sequence[Problem]) -> None:
    """Raises MediaRefused with the code of the first error and the words of three."""
    wrong = errors(found)
    if not wrong:
        return
    told = "; ".join(f"{each.pointer or '/'}: {each.detail}" for each in wrong[:SHOWN])
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    raise MediaRefused(wrong[0].code, told + more, wrong[0].remedy)
