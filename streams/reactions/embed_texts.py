"""What was written about assets and copies becomes vectors, where that is switched on.

Not among the reactions that always run: a role adds it (CONTENTOPS_EMBED_TEXTS).
"""

from collections.abc import Iterable

from schemas.commands.job import RequestJob
from schemas.envelope import Record
from schemas.events.asset import AssetDescribed
from schemas.events.content import CopyApproved, CopyGenerated
from schemas.ids import derived
from schemas.registry import Data
from schemas.vectors import EmbedInput
from streams.reactions.reaction import Reaction

NAME = "embed_texts"
MOST_CHARS = 4_000
"""More is cut off: the models behind read less than that."""
# Nobody waits for these.
PRIORITY = -5


def react(record: Record[Data]) -> Iterable[Reaction]:
    text = _text(record.data).strip()[:MOST_CHARS]
    if not text:
        return
    envelope = record.envelope
    wish = RequestJob(
        role="ai",
        subject=envelope.subject,
        input=EmbedInput(envelope.aggregate, envelope.aggregate_id, text),
        digest=derived("embed", envelope.tenant, text),
        priority=PRIORITY,
        requested_by=envelope.auth_id,
    )
    yield Reaction(data=wish, aggregate_id=derived("job", "embed", envelope.id))


def _text(data: Data) -> str:
    match data:
        case AssetDescribed(title=title, tags=tags, topics=topics):
            return "\n".join((title, *tags, *topics))
        case CopyGenerated(variants=variants):
            return "\n\n".join(variants)
        case CopyApproved(text=text):
            return text
        case _:
            return ""
