"""How much one process of the edge takes before it asks people to come later."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings `api_*`; times in seconds, everything per process.

    At half of a limit a tenant above its fair share is refused (429), at the whole
    of it everybody is (503).
    """

    in_flight: int = 512
    producer_records: int = 20_000
    undecided: int = 50_000
    lag_s: float = 10.0
    rate: int = 2_000
    streams: int = 4_000
    streams_per_tenant: int = 2_500
    ring: int = 10_000
    stall_s: float = 20.0
    key_s: float = 10.0
