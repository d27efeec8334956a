"""Jobs that only read the platform: settle an unknown submit, review, count."""

from datetime import timedelta

from connectors.base import Direct, ReviewState
from connectors.errors import ConnectorError
from schemas.commands.publication import (
    RecordNotThere,
    RecordReview,
    RecordSubmission,
)
from schemas.envelope import Envelope, Record
from schemas.ids import observation_id, stream_key
from schemas.jobs import Settled
from schemas.observations import MetricsObserved
from schemas.publishing import MetricsInput, ReviewInput, SettleInput
from schemas.registry import wire_name
from schemas.topics import TRACKING
from streams.agents.answers import Answers
from streams.agents.posting import Desk, PublicationRow, words
from streams.agents.publish import SOON, Connectors, Limits, before_intent
from streams.agents.work import Impossible, Job, Report, TryLater

BEFORE_INTENT = timedelta(seconds=60)
UNDECIDED = frozenset({ReviewState.reviewing, ReviewState.processing})
BEHIND = frozenset({"planned", "scheduled", "due", "intended"})
REVIEWED = frozenset({"published", "rejected"})


class Settling:
    """The work for SettleInput, ReviewInput and MetricsInput; nothing is submitted."""

    def __init__(
        self, desk: Desk, connectors: Connectors, answers: Answers, limits: Limits
    ) -> None:
        self._desk = desk
        self._connectors = connectors
        self._answers = answers
        self._limits = limits

    async def settle(self, job: Job, _report: Report) -> Settled:
        wanted = job.asked(SettleInput)
        row = await self._desk.publication(job.tenant, wanted.publication_id)
        if row.status in BEHIND:
            raise TryLater("row_behind", "the lost submit is not readable yet", SOON)
        if row.status != "unknown" or row.settle_after is None:
            return Settled(row.status)
        seen_at = self._answers.clock()
        if seen_at < row.settle_after:
            wait = row.settle_after - seen_at
            raise TryLater("too_early", "a submit may still be on its way", wait)
        connector = self._connectors(row.platform)
        if connector.mode != "direct":
            raise Impossible("no_look_up", f"{row.platform} cannot be searched")
        found = await self._look_up(job, row, connector)
        if found is None and not connector.conclusive:
            return Settled("needs_person")
        gone = RecordNotThere(
            token=row.intent_token, seen_at=seen_at, found_by="look_up"
        )
        decision = await self._answers.ask(job, found or gone, row.id)
        if decision.status == "rejected":
            raise TryLater("row_behind", "this settles another intent", SOON)
        return Settled("submitted" if found else "cleared")

    async def _look_up(
        self, job: Job, row: PublicationRow, connector: Direct
    ) -> RecordSubmission | None:
        account = await self._desk.account(job.tenant, row.account_id)
        since = (row.intended_at or self._answers.clock()) - BEFORE_INTENT
        try:
            found = await connector.look_up(words(row), account, since)
        except ConnectorError as error:
            raise before_intent(error) from error
        if found is None:
            return None
        return RecordSubmission(
            item_id=found.item_id,
            link=found.link,
            state=found.state.value,
            found_by="look_up",
        )

    async def review(self, job: Job, _report: Report) -> Settled:
        wanted = job.asked(ReviewInput)
        row = await self._desk.publication(job.tenant, wanted.publication_id)
        if row.status in REVIEWED:
            return Settled(row.status)
        connector = self._connectors(row.platform)
        account = await self._desk.account(job.tenant, row.account_id)
        try:
            found = await connector.review(wanted.item_id, account)
        except ConnectorError as error:
            raise before_intent(error) from error
        if found.state in UNDECIDED:
            pause = self._limits.review_pause
            raise TryLater("reviewing", f"the platform says {found.state.value}", pause)
        told = RecordReview(
            state=found.state.value,
            item_id=wanted.item_id,
            link=found.link,
            code=found.code,
            reason=found.reason,
            found_by="poll",
        )
        await self._answers.tell(job, told, row.id)
        return Settled(found.state.value)

    async def metrics(self, job: Job, _report: Report) -> Settled:
        wanted = job.asked(MetricsInput)
        row = await self._desk.publication(job.tenant, wanted.publication_id)
        connector = self._connectors(row.platform)
        account = await self._desk.account(job.tenant, row.account_id)
        try:
            found = await connector.stats(wanted.item_id, account)
        except ConnectorError as error:
            raise before_intent(error) from error
        seen = MetricsObserved(
            publication_id=row.id,
            platform=row.platform,
            observed_at=self._answers.clock(),
            views=found.views,
            likes=found.likes,
            comments=found.comments,
            shares=found.shares,
            favourites=found.favourites,
            completion_rate=found.completion_rate,
        )
        await self._answers.append(observed(job, seen), TRACKING)
        return Settled("observed")


def observed(job: Job, seen: MetricsObserved) -> Record[MetricsObserved]:
    """Its id follows from the job: the same count twice is one observation."""
    envelope = Envelope(
        id=observation_id(f"metrics:{seen.publication_id}", job.id),
        type=wire_name(MetricsObserved),
        subject=f"publication/{seen.publication_id}",
        tenant=job.tenant,
        time=seen.observed_at,
        key=stream_key(job.tenant, seen.publication_id),
        correlation=job.correlation,
        cause=job.started,
        auth_id="worker-publish",
    )
    return Record(envelope=envelope, data=seen)
