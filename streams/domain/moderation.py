"""Rules of a judgement: programs may think again, a person's word ends it.

judge ──► judged ──► accepted | rejected
             ▲  └─► judged again, when lists or models say something else
"""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.moderation import (
    DecideModeration,
    ModerationCommand,
    RecordJudgement,
)
from schemas.events.moderation import (
    ModerationAccepted,
    ModerationEvent,
    ModerationJudged,
    ModerationRejected,
)
from streams.domain.rejected import Rejected, missing

TEXT_LIMIT = 16_000
REASON_LIMIT = 500


class Moderation(Struct, frozen=True):
    judged: ModerationJudged | None = None
    accepted: bool | None = None


initial = Moderation()


def decide(command: ModerationCommand, state: Moderation) -> ModerationEvent | None:
    match command:
        case RecordJudgement():
            return _judge(command, state)
        case DecideModeration():
            return _end(command, state)
        case _:
            assert_never(command)


def _judge(command: RecordJudgement, state: Moderation) -> ModerationJudged | None:
    if not 0 < len(command.text) <= TEXT_LIMIT:
        detail = f"A judged text has 1 to {TEXT_LIMIT} characters."
        raise Rejected("invalid", "text_length", detail, pointer="/text")
    if state.accepted is not None:
        return None
    wanted = ModerationJudged(
        what=command.what,
        subject=command.subject,
        text=command.text,
        ruling=command.ruling,
        platform=command.platform,
        flags=command.flags,
        by=command.by,
        queued=command.sampled or command.ruling != "allow",
    )
    return None if _said(state.judged) == _said(wanted) else wanted


def _said(judged: ModerationJudged | None) -> object:
    """What makes a judgement another one; whose text it was does not."""
    return judged and (judged.text, judged.ruling, judged.flags, judged.by)


def _end(
    command: DecideModeration, state: Moderation
) -> ModerationAccepted | ModerationRejected | None:
    if state.judged is None:
        raise missing("moderation")
    if not 0 < len(command.reason.strip()) <= REASON_LIMIT:
        detail = f"Say why, in at most {REASON_LIMIT} characters."
        raise Rejected("invalid", "reason_length", detail, pointer="/reason")
    if state.accepted == command.accept:
        return None
    if command.accept:
        return ModerationAccepted(command.reason)
    return ModerationRejected(command.reason)


def evolve(state: Moderation, event: ModerationEvent) -> Moderation:
    match event:
        case ModerationJudged():
            return replace(state, judged=event)
        case ModerationAccepted():
            return replace(state, accepted=True)
        case ModerationRejected():
            return replace(state, accepted=False)
        case _:
            assert_never(event)
