"""Why there is no answer, named after what the caller should do about it."""

from datetime import datetime
from typing import TypeAlias

from ai_adapter.base import Attempt, Spent


class TryLater(Exception):
    """Nothing was answered, nothing is wrong: ask again, `after` seconds later.

    `limited`: too many calls, which says little about the provider's health.
    """

    def __init__(
        self,
        reason: str,
        after: float | None = None,
        *,
        limited: bool = False,
        spent: Spent | None = None,
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.limited = limited
        self.spent = spent


class AskAgain(Exception):
    """An answer came and was paid for, but is of no use: ask once more, then stop."""

    def __init__(self, reason: str, spent: Spent | None = None) -> None:
        super().__init__(reason)
        self.spent = spent


class Refused(Exception):
    """The question itself was turned down; the same question will be again.

    Show `reason` to the person who asked; no other provider is tried. What was paid
    until then is in `attempts`.
    """

    def __init__(self, code: str, reason: str, spent: Spent | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.spent = spent
        self.attempts: tuple[Attempt, ...] = ()


class Unavailable(Refused):
    """Nobody who is able to do this can be asked now, and no template can do it.

    `until` is when it makes sense to ask again; None = nobody knows.
    """

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__("unavailable", reason)
        self.until = until


class OutcomeUnknown(Exception):
    """The call went out and its answer was lost; it may have been billed.

    `late`: it did not break off, it was waited for no longer.
    """

    def __init__(
        self, reason: str, spent: Spent | None = None, *, late: bool = False
    ) -> None:
        super().__init__(reason)
        self.spent = spent
        self.late = late


class Misconfigured(Exception):
    """Key, balance, address or model id is wrong: a person must mend the settings."""


Failure: TypeAlias = TryLater | AskAgain | Refused | OutcomeUnknown | Misconfigured
FAILURES = (TryLater, AskAgain, Refused, OutcomeUnknown, Misconfigured)
