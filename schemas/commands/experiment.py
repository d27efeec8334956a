"""What may be wished of an experiment, and of a subject that meets one of its arms."""

from typing import TypeAlias

from msgspec import Struct

from schemas.experiments import Plan


class CreateExperiment(Struct, frozen=True, tag="io.contentops.experiment.create.v1"):
    plan: Plan


class StartExperiment(Struct, frozen=True, tag="io.contentops.experiment.start.v1"):
    """From now on arms are dealt."""


class StopExperiment(Struct, frozen=True, tag="io.contentops.experiment.stop.v1"):
    """Nobody is dealt an arm any more; it cannot be started again."""


class DecideExperiment(Struct, frozen=True, tag="io.contentops.experiment.decide.v1"):
    """A person says which arm won, and why; empty = none did.

    `make_live`: the version of that arm becomes the live one of its prompt.
    """

    arm: str
    reason: str
    make_live: bool = False


class RecordExposure(Struct, frozen=True, tag="io.contentops.exposure.record.v1"):
    """A subject is about to meet its arm, for the first time as far as is known."""

    experiment_id: str
    arm: str
    subject: str


ExperimentCommand: TypeAlias = (
    CreateExperiment | StartExperiment | StopExperiment | DecideExperiment
)
ExposureCommand: TypeAlias = RecordExposure
