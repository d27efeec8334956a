"""The work for EmbedInput: one text, one vector, by the model of this installation."""

from ai_adapter.embedding.embedder import Embedder
from schemas.vectors import EmbedInput, Vectored
from streams.agents.work import Job, Report


class Embedding:
    """Costs nothing but a moment of one core; a second attempt gives the same."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def embed(self, job: Job, report: Report) -> Vectored:
        wanted = job.asked(EmbedInput)
        report(10, "reading")
        made = await self._embedder.embed([wanted.text])
        (vector,) = made.vectors
        return Vectored(
            kind=wanted.kind,
            subject_id=wanted.subject_id,
            model=made.model,
            values=tuple(float(format(each, ".7g")) for each in vector),
            degraded=made.degraded,
        )
