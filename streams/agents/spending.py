"""What one attempt at a job has used up, told by whatever works on it."""

from contextvars import ContextVar

from msgspec import Struct

from schemas.jobs import Spent


class Meter(Struct):
    """Shared by all tasks of one attempt; grows only.

    `reused` names what the answer was taken from, if there was such a thing.
    """

    cpu_seconds: float = 0.0
    media_seconds: float = 0.0
    weighted_seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    reused: str = ""

    def spent(self) -> Spent:
        return Spent(
            cpu_seconds=round(self.cpu_seconds, 3),
            media_seconds=round(self.media_seconds, 3),
            weighted_seconds=round(self.weighted_seconds, 3),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
        )


METER: ContextVar[Meter | None] = ContextVar("METER", default=None)


def metered() -> Meter:
    """A fresh meter for the task that calls, and for those it starts."""
    meter = Meter()
    METER.set(meter)
    return meter


def spend(
    *,
    cpu_seconds: float = 0.0,
    media_seconds: float = 0.0,
    weighted_seconds: float = 0.0,
    bytes_in: int = 0,
    bytes_out: int = 0,
) -> None:
    """Adds to the attempt that is at work here; outside of one it is forgotten."""
    meter = METER.get()
    if meter is None:
        return
    meter.cpu_seconds += cpu_seconds
    meter.media_seconds += media_seconds
    meter.weighted_seconds += weighted_seconds
    meter.bytes_in += bytes_in
    meter.bytes_out += bytes_out


def reuse(name: str) -> None:
    """Says that the answer is somebody's earlier one."""
    if meter := METER.get():
        meter.reused = name
