"""Facts for analysts: what happened, what it cost, what it brought; nobody's data."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from projections.table import Row, Table, Value
from schemas.envelope import Record
from schemas.events.asset import AssetTranscoded
from schemas.events.job import JobCompleted
from schemas.events.lead import LeadCaptured
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.events.publication import PublicationPlanned, PublicationPublished
from schemas.jobs import Generated
from schemas.observations import (
    AnswersGiven,
    DeliveryReceived,
    FreeAnswer,
    MetricsObserved,
)
from schemas.registry import Data

FACT = ("tenant", "event_id")
EVENTS = Table("events", key=FACT, once=True)
METRICS = Table("publication_metrics", key=FACT, once=True)
AI_CALLS = Table("ai_calls", key=FACT, once=True)
MEDIA_MINUTES = Table("media_minutes", key=FACT, once=True)
LEADS = Table("leads", key=FACT, once=True)
PUBLICATIONS = Table("publications", key=FACT, once=True)
TABLES = (EVENTS, METRICS, AI_CALLS, MEDIA_MINUTES, LEADS, PUBLICATIONS)


SILENT = frozenset({LogClaimed, LogRejected, LogUnchanged, DeliveryReceived})
TELLING = frozenset(
    {
        MetricsObserved,
        AnswersGiven,
        JobCompleted,
        AssetTranscoded,
        LeadCaptured,
        PublicationPlanned,
        PublicationPublished,
    }
)


def project(record: Record[Data]) -> Iterable[Row]:
    """Most records are a fact and nothing more: those take the short way."""
    kind = type(record.data)
    if kind in SILENT:
        return ()
    if kind in TELLING:
        return (_event(record), *_more(record))
    return (_event(record),)


def _more(record: Record[Data]) -> Iterable[Row]:
    match data := record.data:
        case MetricsObserved():
            yield _metrics(record, data)
        case AnswersGiven(answers=answers):
            yield from (_free(record, each) for each in answers)
        case JobCompleted(subject=subject, result=Generated() as answer):
            yield _ai_call(record, subject, answer)
        case AssetTranscoded():
            yield _media(record, data)
        case LeadCaptured():
            yield _lead(record, data)
        case PublicationPlanned():
            yield _planned(record, data)
        case PublicationPublished():
            yield _published(record)
        case _:
            return


def _fact(table: Table, record: Record[Data], **values: Value) -> Row:
    envelope = record.envelope
    place: dict[str, Value] = {
        "tenant": envelope.tenant,
        "event_id": envelope.id,
        "occurred": envelope.time,
        "_topic": record.topic,
        "_partition": record.partition,
        "_off": record.offset,
    }
    return Row(table, {**place, **values})


def _event(record: Record[Data]) -> Row:
    """Written out, because every record comes here."""
    envelope = record.envelope
    aggregate, _, subject_id = envelope.subject.partition("/")
    return Row(
        EVENTS,
        {
            "tenant": envelope.tenant,
            "event_id": envelope.id,
            "occurred": envelope.time,
            "_topic": record.topic,
            "_partition": record.partition,
            "_off": record.offset,
            "type": envelope.type,
            "aggregate": aggregate,
            "subject_id": subject_id,
            "version": envelope.sequence,
            "correlation": envelope.correlation,
            "cause": envelope.cause,
        },
    )


def _metrics(record: Record[Data], seen: MetricsObserved) -> Row:
    return _fact(
        METRICS,
        record,
        publication_id=seen.publication_id,
        platform=seen.platform,
        observed_at=seen.observed_at,
        views=seen.views,
        likes=seen.likes,
        comments=seen.comments,
        shares=seen.shares,
        favourites=seen.favourites,
        completion_rate=seen.completion_rate,
        source=seen.source,
    )


def _ai_call(record: Record[Data], subject: str, answer: Generated) -> Row:
    return _fact(
        AI_CALLS,
        record,
        job_id=record.subject_id,
        subject_id=subject.rpartition("/")[2],
        task=answer.task,
        scene=answer.scene,
        provider=answer.provider,
        model=answer.model_name,
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        cost=_money(answer.usage.cost),
        currency=answer.usage.currency,
        latency_ms=answer.latency_ms,
        degraded=answer.degraded,
    )


def _free(record: Record[Data], answer: FreeAnswer) -> Row:
    """No tokens and no money: nobody was asked."""
    return _fact(
        AI_CALLS,
        record,
        event_id=answer.id,
        occurred=answer.at,
        job_id="",
        subject_id=answer.project_id,
        task=answer.task,
        scene=answer.scene,
        provider=answer.provider,
        model=answer.model_name,
        prompt_tokens=0,
        completion_tokens=0,
        cost=Decimal(0),
        currency="",
        latency_ms=answer.latency_ms,
        degraded=answer.degraded,
    )


def _money(text: str | None) -> Decimal | None:
    """None for a call without a price; what is no number was never a price."""
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None


def _media(record: Record[Data], made: AssetTranscoded) -> Row:
    return _fact(
        MEDIA_MINUTES,
        record,
        asset_id=record.subject_id,
        video_id=made.video_id,
        job_id=made.job_id,
        source_seconds=made.source_seconds,
        renditions=len(made.renditions),
    )


def _lead(record: Record[Data], lead: LeadCaptured) -> Row:
    return _fact(
        LEADS,
        record,
        lead_id=record.subject_id,
        page_id=lead.page_id,
        publication_id=lead.publication_id,
        source=lead.source,
    )


def _planned(record: Record[Data], plan: PublicationPlanned) -> Row:
    return _publication(
        record,
        step="planned",
        project_id=plan.project_id,
        video_id=plan.video_id,
        account_id=plan.account_id,
        copy_id=plan.copy_id,
        platform=plan.platform,
        title=plan.title,
    )


def _published(record: Record[Data]) -> Row:
    return _publication(record, step="published")


def _publication(record: Record[Data], **values: Value) -> Row:
    blank: dict[str, Value] = dict.fromkeys(
        ("project_id", "video_id", "account_id", "copy_id", "platform", "title"), ""
    )
    return _fact(
        PUBLICATIONS,
        record,
        publication_id=record.subject_id,
        **{**blank, **values},
    )
