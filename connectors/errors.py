"""What can go wrong at a platform, named after the reaction each asks for."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum, auto

SECRET_CHARS_MIN = 6


class ConnectorError(Exception):
    """A call to a platform did not do what was asked.

    `code` and `reason` are the platform's own words, secrets removed.
    """

    def __init__(self, code: str = "", reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(code, reason)

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.code}: {self.reason}".strip()

    def without(self, secrets: Iterable[str]) -> "ConnectorError":
        """Blot out secrets a platform echoed, before anybody can log them."""
        for secret in secrets:
            if len(secret) < SECRET_CHARS_MIN:
                continue  # "7200" among the credentials would blot out half a reason
            self.code = self.code.replace(secret, "***")
            self.reason = self.reason.replace(secret, "***")
        self.args = (self.code, self.reason)
        return self


class TryLater(ConnectorError):
    """Nothing was accepted. Wait `after`, then the same step may be done again."""

    def __init__(self, after: timedelta, code: str = "", reason: str = "") -> None:
        self.after = after
        super().__init__(code, reason)


class OutcomeUnknown(ConnectorError):
    """Accepted or not, nobody here knows. Never call again: `look_up`, or a person."""


class Reauthorise(ConnectorError):
    """The creator's sign-in no longer counts. Stop the account, ask the owner.

    With `refreshable` the refresh token may still mend it, once and under a lock.
    """

    def __init__(
        self, code: str = "", reason: str = "", *, refreshable: bool = False
    ) -> None:
        self.refreshable = refreshable
        super().__init__(code, reason)


class Refused(ConnectorError):
    """A permanent no to this revision of the post. Change it; do not repeat it."""


class Frozen(ConnectorError):
    """Risk control. Freeze every job of the account for a day, a person looks."""


class Misconfigured(ConnectorError):
    """Key, permission or set-up is wrong. Stop and tell the operator; no repeat."""


class SignatureRefused(Exception):
    """A webhook that is not proven to come from the platform: answer 401, keep out."""

    def __init__(self, field: str, remedy: str) -> None:
        self.field = field
        self.remedy = remedy
        super().__init__(f"{field}: {remedy}")


class Unreadable(Exception):
    """A body whose shape no documented event has: answer 422, nothing to record."""

    def __init__(self, field: str, remedy: str) -> None:
        self.field = field
        self.remedy = remedy
        super().__init__(f"{field}: {remedy}")


class UnknownPlatform(KeyError):
    """No connector of that name. The message lists those there are."""

    def __init__(self, platform: str, known: Iterable[str]) -> None:
        self.platform = platform
        self.known = tuple(sorted(known))
        super().__init__(platform)

    def __str__(self) -> str:
        return f"unknown platform {self.platform!r}; known: {', '.join(self.known)}"


class Reaction(StrEnum):
    """The classes every platform's code table is written in."""

    busy = auto()
    rate = auto()
    quota = auto()
    restart = auto()
    expired = auto()
    reauthorise = auto()
    setup = auto()
    frozen = auto()
    invalid = auto()
    missing = auto()
    conflict = auto()


BUSY_PAUSE = timedelta(seconds=2)
RATE_PAUSE = timedelta(seconds=60)
RESTART_PAUSE = timedelta(seconds=5)
QUOTA_PAUSE = timedelta(hours=6)

_PAUSES: Mapping[Reaction, timedelta] = {
    Reaction.busy: BUSY_PAUSE,
    Reaction.rate: RATE_PAUSE,
    Reaction.quota: QUOTA_PAUSE,
    # an upload token that died: the caller comes back through `prepare`
    Reaction.restart: RESTART_PAUSE,
}


def error_for(reaction: Reaction, code: str, reason: str) -> ConnectorError:
    match reaction:
        case Reaction.busy | Reaction.rate | Reaction.quota | Reaction.restart:
            return TryLater(_PAUSES[reaction], code, reason)
        case Reaction.expired:
            return Reauthorise(code, reason, refreshable=True)
        case Reaction.reauthorise:
            return Reauthorise(code, reason)
        case Reaction.setup:
            return Misconfigured(code, reason)
        case Reaction.frozen:
            return Frozen(code, reason)
        case Reaction.invalid | Reaction.missing | Reaction.conflict:
            return Refused(code, reason)


def by_code(
    groups: Mapping[Reaction, tuple[int, ...]],
) -> Mapping[int, Reaction]:
    """Turn a table written by class into one read by code; a code has one class."""
    pairs = [(code, reaction) for reaction, codes in groups.items() for code in codes]
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a code stands in two classes")
    return dict(pairs)


def reaction_to_status(status: int) -> Reaction:
    """For answers without a body we can read: the HTTP status is all there is."""
    if status >= 500:
        return Reaction.busy
    if status == 429:
        return Reaction.rate
    return Reaction.setup if status in {401, 403} else Reaction.invalid
