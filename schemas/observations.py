"""Facts that need no decision: deliveries, metrics, answers that cost nothing."""

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


class FreeAnswer(Struct, frozen=True):
    """One answer that cost nothing: given before, or by a template.

    `cached_from` is the provider's id of the answer it repeats.
    """

    id: str
    at: datetime
    task: str
    provider: str
    model_name: str
    prompt_hash: str
    scene: str = ""
    tool: str = ""
    prompt_version: str = ""
    latency_ms: int = 0
    degraded: bool = False
    stale: bool = False
    cached_from: str = ""
    project_id: str = ""
    person_id: str = ""


class AnswersGiven(Struct, frozen=True, tag="io.contentops.answers.given.v1"):
    """Answers of one tenant that were given without a provider, as one bunch."""

    answers: tuple[FreeAnswer, ...]


Observation: TypeAlias = DeliveryReceived | MetricsObserved | AnswersGiven
