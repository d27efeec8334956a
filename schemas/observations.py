"""Facts from outside that need no decision: deliveries and metric snapshots."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Sealed


class DeliveryReceived(Struct, frozen=True, tag="io.contentops.delivery.received.v1"):
    """A verified webhook call; headers and body lie in `sealed` as one."""

    platform: str
    message_id: str
    sealed: Sealed


class MetricsObserved(Struct, frozen=True, tag="io.contentops.metrics.observed.v1"):
    """Totals of one publication at one moment; source `platform` or `person`."""

    publication_id: str
    platform: str
    observed_at: datetime
    views: int
    likes: int
    comments: int
    shares: int
    favourites: int = 0
    completion_rate: float | None = None
    source: str = "platform"


Observation: TypeAlias = DeliveryReceived | MetricsObserved
