"""The wish of a chain's step: what is fixed, and what comes from before. Pure."""

import re
from collections.abc import Mapping, Sequence

from ai_adapter.tools.wishes import BadWish

PATH = re.compile(r"(input|last)(\.[A-Za-z0-9_]{1,60}){0,8}")


def picked(path: str, sources: Mapping[str, object], field: str) -> object:
    """What the path leads to; raises BadWish that names the field it was for."""
    here: object = sources
    for part in path.split("."):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        else:
            raise BadWish(f"/{field}", f"There is nothing at {path}.")
    return here


def composed(
    fixed: Mapping[str, object],
    take: Sequence[tuple[str, str]],
    sources: Mapping[str, object],
) -> dict[str, object]:
    """`take` are pairs of field and path; what is taken goes before what is fixed."""
    taken = {field: picked(path, sources, field) for field, path in take}
    return {**fixed, **taken}
