"""Rules of an exposure: a subject meets its arm once, whoever tells of it how often."""

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.experiment import ExposureCommand
from schemas.events.experiment import ExposureEvent, ExposureRecorded
from streams.domain.rejected import exists


class Exposure(Struct, frozen=True):
    """Empty before it was recorded."""

    recorded: ExposureRecorded | None = None


initial = Exposure()


def decide(command: ExposureCommand, exposure: Exposure) -> ExposureEvent | None:
    wanted = ExposureRecorded(command.experiment_id, command.arm, command.subject)
    if exposure.recorded is None:
        return wanted
    if exposure.recorded != wanted:
        raise exists("exposure")
    return None


def evolve(exposure: Exposure, event: ExposureEvent) -> Exposure:
    return replace(exposure, recorded=event)
