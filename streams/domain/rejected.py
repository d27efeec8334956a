"""The one way a rule says no."""

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["invalid", "conflict", "stale", "missing", "forbidden"]


class Rejected(Exception):
    """A rule said no. Recorded and answered, never retried.

    `code` is for programs, `detail` says to a person what to do, `pointer` names the
    field of the command, as a JSON pointer, where there is one.
    """

    def __init__(
        self, kind: Kind, code: str, detail: str = "", *, pointer: str = ""
    ) -> None:
        super().__init__(code)
        self.kind: Kind = kind
        self.code = code
        self.detail = detail
        self.pointer = pointer


def missing(what: str) -> Rejected:
    return Rejected("missing", f"{what}_missing", f"There is no such {what}.")


def exists(what: str) -> Rejected:
    return Rejected(
        "conflict", f"{what}_exists", f"This {what} exists with other values."
    )
