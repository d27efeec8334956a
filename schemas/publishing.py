"""What a job is given that talks to a platform about one publication."""

from msgspec import Struct


class PublishInput(Struct, frozen=True, tag="publish"):
    publication_id: str


class SettleInput(Struct, frozen=True, tag="settle"):
    """Find out by reading the platform what became of an unknown submit."""

    publication_id: str


class ReviewInput(Struct, frozen=True, tag="review"):
    publication_id: str
    item_id: str


class MetricsInput(Struct, frozen=True, tag="metrics"):
    publication_id: str
    item_id: str
