"""Experiments: plan and state, exposures, and the copies that came of each arm."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.content import CopyApproved, CopyGenerated
from schemas.events.experiment import (
    ExperimentCreated,
    ExperimentDecided,
    ExperimentStarted,
    ExperimentStopped,
    ExposureRecorded,
)
from schemas.registry import Data

EXPERIMENTS = Table("experiments", json=frozenset({"arms"}))
EXPOSURES = Table("exposures", once=True)
# One row for each copy, of an arm or of none: its approval does not say which.
OUTCOMES = Table("outcomes", json=frozenset({"variants"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case ExperimentCreated() as made:
            return (_created(record, made),)
        case ExperimentStarted():
            at = record.envelope.time
            return (row(EXPERIMENTS, record, status="running", started_at=at),)
        case ExperimentStopped():
            at = record.envelope.time
            return (row(EXPERIMENTS, record, status="stopped", ended_at=at),)
        case ExperimentDecided() as decided:
            return (_decided(record, decided),)
        case ExposureRecorded() as met:
            return (_exposed(record, met),)
        case CopyGenerated() as generated:
            return (_outcome(record, generated),)
        case CopyApproved(variant=variant, text=text):
            approved = row(OUTCOMES, record, accepted=True, variant=variant, text=text)
            return (approved,)
        case _:
            return ()


def _created(record: Record[Data], event: ExperimentCreated) -> Row:
    plan = event.plan
    return row(
        EXPERIMENTS,
        record,
        name=plan.name,
        prompt=plan.prompt,
        prompt_id=plan.prompt_id,
        project_id=plan.project_id,
        unit=plan.unit,
        arms=plan.arms,
        status="planned",
    )


def _decided(record: Record[Data], event: ExperimentDecided) -> Row:
    return row(
        EXPERIMENTS,
        record,
        status="decided",
        ended_at=record.envelope.time,
        winner=event.arm,
        reason=event.reason,
        decided_by=record.envelope.auth_id,
    )


def _exposed(record: Record[Data], event: ExposureRecorded) -> Row:
    return row(
        EXPOSURES,
        record,
        experiment_id=event.experiment_id,
        arm=event.arm,
        subject=event.subject,
    )


def _outcome(record: Record[Data], event: CopyGenerated) -> Row:
    experiment_id, _, arm = event.arm.partition("/")
    return row(
        OUTCOMES,
        record,
        experiment_id=experiment_id,
        arm=arm,
        variants=event.variants,
        degraded=event.degraded,
    )
