"""What one command becomes: an event, a refusal, or nothing changed. Never a stop."""

import structlog
from msgspec import MsgspecError, Struct

from schemas.envelope import LIMIT_BYTES, Envelope, TooLarge
from schemas.events.log import LogRejected, LogUnchanged
from schemas.registry import (
    COMMANDS_OF,
    REGISTRY,
    Data,
    UnknownType,
    Unwritable,
    decode,
    encode,
)
from schemas.topics import Family
from streams.domain.registry import RULES
from streams.domain.rejected import Rejected
from streams.remembered import Stream, Unreadable

log = structlog.get_logger()

# Tries that are left after each.
LEFT = (2, 1, 0)
LONGEST = 1_000


class CommandFailed(Exception):
    """A command nobody can decide, or a rule that raised three times: to be mended."""


FAILURES = (UnknownType, MsgspecError, TooLarge, Unwritable, CommandFailed)


def answer(
    family: Family, envelope: Envelope, value: bytes | None, stream: Stream
) -> tuple[Data, bytes]:
    """The data of the one record this command gets, and its bytes."""
    try:
        _check_version(envelope, stream.version)
        found = _steadily(family, envelope, value, stream)
        made: Data = LogUnchanged() if found is None else found  # type: ignore[assignment]  # Rules speaks of structs
        return made, _within_limit(REGISTRY.checked(made))
    except Rejected as no:
        refusal = LogRejected(no.kind, no.code, no.pointer, no.detail)
    except FAILURES as wrong:
        detail = f"{wrong}"[:LONGEST]
        log.error(  # noqa: TRY400  a trace would show the values it was about
            "A command failed.", action="reject", command=envelope.id, reason=detail
        )
        refusal = LogRejected("command_failed", type(wrong).__name__, "", detail)
    return refusal, encode(refusal)


def _decide(
    family: Family, envelope: Envelope, value: bytes | None, stream: Stream
) -> Struct | None:
    aggregate = envelope.aggregate
    if aggregate not in family.aggregates:
        raise CommandFailed(f"{family.name} does not decide {aggregate!r}")
    if aggregate != stream.aggregate:
        raise CommandFailed(f"this stream is one of {stream.aggregate}")
    if isinstance(stream.state, Unreadable):
        raise CommandFailed(f"this build cannot read it: {stream.state.reason}")
    command = decode(envelope.type, _within_limit(value or b"{}"))
    if type(command) not in COMMANDS_OF[aggregate]:
        raise CommandFailed(f"{envelope.type} is no command of {aggregate}")
    return RULES[aggregate].decide(command, stream.state)


def _within_limit(value: bytes) -> bytes:
    if len(value) > LIMIT_BYTES:
        raise TooLarge(f"{len(value)} bytes, {LIMIT_BYTES} are the limit")
    return value


def _check_version(envelope: Envelope, version: int) -> None:
    expected = envelope.expected_version
    if expected is not None and expected != version:
        raise Rejected(
            "stale",
            "version_other",
            f"It is at version {version} now; read it again, then repeat.",
        )


def _steadily(
    family: Family, envelope: Envelope, value: bytes | None, stream: Stream
) -> Struct | None:
    for left in LEFT:
        try:
            return _decide(family, envelope, value, stream)
        except (Rejected, *FAILURES):
            raise
        except Exception as wrong:
            if not left:
                raise CommandFailed(f"{type(wrong).__name__}: {wrong}") from wrong
    raise AssertionError
