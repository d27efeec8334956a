"""What may have happened to an experiment, and who met which of its arms."""

from typing import TypeAlias

from msgspec import Struct

from schemas.experiments import Plan


class ExperimentCreated(Struct, frozen=True, tag="io.contentops.experiment.created.v1"):
    plan: Plan


class ExperimentStarted(Struct, frozen=True, tag="io.contentops.experiment.started.v1"):
    pass


class ExperimentStopped(Struct, frozen=True, tag="io.contentops.experiment.stopped.v1"):
    pass


class ExperimentDecided(Struct, frozen=True, tag="io.contentops.experiment.decided.v1"):
    """`number` > 0: this version of `prompt_id` is to be live, the person said."""

    arm: str
    reason: str
    prompt_id: str = ""
    number: int = 0


class ExposureRecorded(Struct, frozen=True, tag="io.contentops.exposure.recorded.v1"):
    """Once for each subject, before its first answer."""

    experiment_id: str
    arm: str
    subject: str


ExperimentEvent: TypeAlias = (
    ExperimentCreated | ExperimentStarted | ExperimentStopped | ExperimentDecided
)
ExposureEvent: TypeAlias = ExposureRecorded
