"""From an old version of a record's data to the next: the only code that knows both.

A breaking shape is a new `.v<n>`: the old Struct leaves its union and stays in its
module as `<Name>V<n-1>`, for what lies on the log; one line in `UPCASTS` says how its
values become the next version's. Several versions are a chain of single steps.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

Old = TypeVar("Old", bound=Struct)


class Upcast(Struct, frozen=True):
    """Pure and total: whatever was once written in the old version has a next."""

    old: type[Struct]
    change: Callable[[Struct], Struct]


def upcast(old: type[Old], change: Callable[[Old], Struct]) -> Upcast:
    """`change` makes the very next version of the same wire name."""

    def checked(data: Struct) -> Struct:
        if not isinstance(data, old):
            raise TypeError(f"{type(data).__name__} is no {old.__name__}")
        return change(data)

    return Upcast(old, checked)


UPCASTS: tuple[Upcast, ...] = ()
