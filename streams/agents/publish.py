"""Publishing jobs: upload, open the intent, call the platform once, say what is known.

    prepare ──► RecordIntent ──► publish ──► RecordSubmission
                    │               ├─ no  ──► FailPublication
                    │               └─ ?   ──► RecordUnknown, settled by reading
                    └─ open already ─────────► RecordUnknown for that intent

Between the intent's decision and the call lies nothing but a look at the clock. One
intent never sees two calls: every intent has a token of its own, made from the
attempt's. Whatever interrupts the call leaves `unknown` behind.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from connectors.base import Account, Connector, Direct, HandsOff, Post
from connectors.errors import (
    ConnectorError,
    Frozen,
    Misconfigured,
    OutcomeUnknown,
    Reauthorise,
    Refused,
)
from connectors.errors import TryLater as PlatformBusy
from schemas.commands.publication import (
    FailPublication,
    RecordHandOff,
    RecordIntent,
    RecordSubmission,
    RecordUnknown,
)
from schemas.envelope import stamp
from schemas.ids import derived
from schemas.jobs import Settled
from schemas.publishing import PublishInput
from streams.agents.answers import Answers
from streams.agents.posting import Desk, PublicationRow
from streams.agents.work import Impossible, Job, Report, TryLater
from streams.decisions import Decision
from streams.faults import reach

Connectors: TypeAlias = Callable[[str], Connector]

NO = (Refused, Reauthorise, Frozen, Misconfigured)
SOON = timedelta(seconds=1)
LAST_WORDS_S = 5.0
LEFT_US = frozenset({"submitted", "published", "rejected", "failed", "handed_off"})


class Limits(Struct, frozen=True):
    """`call_before` + `request` + `slack` after an intent, no submit is on its way."""

    call_before: timedelta = timedelta(seconds=30)
    request: timedelta = timedelta(seconds=10)
    slack: timedelta = timedelta(seconds=2)
    review_pause: timedelta = timedelta(seconds=60)


class Publishing:
    """The work for PublishInput, in both modes."""

    def __init__(
        self, desk: Desk, connectors: Connectors, answers: Answers, limits: Limits
    ) -> None:
        self._desk = desk
        self._connectors = connectors
        self._answers = answers
        self._limits = limits

    async def publish(self, job: Job, report: Report) -> Settled:
        wanted = job.asked(PublishInput)
        row = await self._desk.publication(job.tenant, wanted.publication_id)
        # These never go back, so a row behind the log cannot mislead. Anything
        # else, an open intent too, is for the decider to say.
        if row.status in LEFT_US:
            return Settled(row.status)
        connector = self._connectors(row.platform)
        account = await self._desk.account(job.tenant, row.account_id)
        report(5, "files")
        async with self._desk.post(row) as post:
            if connector.mode == "handoff":
                return await self._hand_off(job, connector, post, account)
            return await self._submit(job, report, connector, (row, post, account))

    async def _hand_off(
        self, job: Job, connector: HandsOff, post: Post, account: Account
    ) -> Settled:
        try:
            made = await connector.hand_off(post, account)
        except ConnectorError as error:
            raise before_intent(error) from error
        # The token makes the key this attempt's own: objects are written once.
        name = derived("pack", job.id, job.token)
        key = f"{job.tenant}/packs/{post.marker}/{name}/pack.json"
        pack = {
            "link": made.link,
            "shareId": made.share_id,
            "expiresAt": stamp(made.expires_at),
            "title": post.title,
            "text": post.text,
            "tags": list(post.tags),
        }
        await self._desk.objects.put_json(key, pack)
        told = RecordHandOff(
            job_id=job.id,
            pack_key=key,
            share_id=made.share_id,
            expires_at=made.expires_at,
        )
        await self._answers.tell(job, told, post.marker)
        return Settled("handed_off")

    async def _submit(
        self,
        job: Job,
        report: Report,
        connector: Direct,
        made_of: tuple[PublicationRow, Post, Account],
    ) -> Settled:
        row, post, account = made_of
        report(20, "upload")
        try:
            prepared = await connector.prepare(post, account)
        except ConnectorError as error:
            raise before_intent(error) from error
        report(80, "submit")
        call_before = self._answers.clock() + self._limits.call_before
        intent = RecordIntent(
            token=derived("intent", job.id, job.token),
            job_id=job.id,
            call_before=call_before,
        )
        decision = await self._answers.ask(job, intent, row.id)
        if decision.status != "accepted":
            return await self._refused(job, row, decision)
        reach("publish.intended")

        async def call() -> RecordSubmission:
            if self._answers.clock() >= call_before:
                raise OutcomeUnknown("too_late", "the intent was decided too late")
            item = await connector.publish(post, prepared, account)
            reach("publish.called")
            return RecordSubmission(
                item_id=item.item_id,
                link=item.link,
                state=item.state.value,
                found_by="answer",
                token=intent.token,
            )

        return await self._once(job, row, intent, call)

    async def _once(
        self,
        job: Job,
        row: PublicationRow,
        intent: RecordIntent,
        call: Callable[[], Coroutine[None, None, RecordSubmission]],
    ) -> Settled:
        """The only place that calls; no way out of it leaves the intent unspoken of."""
        try:
            submitted = await call()
        except NO as no:
            failed = FailPublication(
                code=code_of(no), reason=no.reason, token=intent.token
            )
            await to_the_end(self._answers.tell(job, failed, row.id))
            raise Impossible(code_of(no), no.reason) from no
        except ConnectorError as lost:
            # "Busy" included: nothing here can prove that it was not accepted.
            await self._unknown(job, row.id, intent.token, intent.call_before, lost)
            return Settled("unknown")
        except BaseException as lost:
            await self._unknown(job, row.id, intent.token, intent.call_before, lost)
            raise
        await to_the_end(self._answers.tell(job, submitted, row.id))
        reach("publish.recorded")
        return Settled("submitted")

    async def _refused(
        self, job: Job, row: PublicationRow, decision: Decision
    ) -> Settled:
        """Not ours to send: an earlier intent is open, or all is over."""
        code = decision.problem.code if decision.problem else decision.status
        if code != "intent_open":
            return Settled(code)
        fresh = await self._desk.publication(job.tenant, row.id)
        if not fresh.intent_token or fresh.call_before is None:
            raise TryLater("row_behind", "the open intent is not readable yet", SOON)
        lost = OutcomeUnknown("intent_open", "an earlier attempt did not say its end")
        await self._unknown(job, row.id, fresh.intent_token, fresh.call_before, lost)
        return Settled("unknown")

    async def _unknown(
        self,
        job: Job,
        publication_id: str,
        token: str,
        call_before: datetime,
        lost: BaseException,
    ) -> None:
        after = call_before + self._limits.request + self._limits.slack
        reason = str(lost) or type(lost).__name__
        unknown = RecordUnknown(token=token, settle_after=after, reason=reason)
        await to_the_end(self._answers.tell(job, unknown, publication_id))


def code_of(error: ConnectorError) -> str:
    return error.code or type(error).__name__.lower()


def before_intent(error: ConnectorError) -> TryLater | Impossible:
    """While nothing can have been accepted yet, a lost answer is only a delay."""
    if isinstance(error, NO):
        return Impossible(code_of(error), error.reason)
    after = error.after if isinstance(error, PlatformBusy) else None
    return TryLater(code_of(error), error.reason, after)


async def to_the_end(words: Coroutine[None, None, str]) -> None:
    """Say it even when we are being stopped; then be stopped."""
    task = asyncio.create_task(words)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_WORDS_S)
        raise
