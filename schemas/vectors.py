"""Texts as vectors: what a job is given that makes one, and what it answers."""

from msgspec import Struct


class EmbedInput(Struct, frozen=True, tag="embed"):
    """The text of an asset or a copy, as people would look for it."""

    kind: str
    subject_id: str
    text: str


class Vectored(Struct, frozen=True, tag="vectored"):
    """`values` have length one together, at the precision of 32-bit floats.

    Vectors of different models are never compared. `degraded`: by hashing, which
    knows no meaning.
    """

    kind: str
    subject_id: str
    model: str
    values: tuple[float, ...]
    degraded: bool = False
