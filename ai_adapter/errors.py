"""Why there is no answer, named after what the caller should do about it."""

from ai_adapter.base import Attempt, Spent


class TryLater(Exception):
    """Nothing was answered, nothing is wrong: ask again, `after` seconds later."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


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


class OutcomeUnknown(Exception):
    """The call went out and its answer was lost; it may have been billed."""


class Misconfigured(Exception):
    """Key, balance, address or model id is wrong: a person must mend the settings."""
