"""A publication goes out with the text that is approved, or not at all.

planned ──► UseCopy ──► the copy remembers it, or says that its text has changed
a copy is revised, or was ──► RefusePublication for each that was planned with it
"""

from collections.abc import Iterable

from schemas.commands.content import UseCopy
from schemas.commands.publication import RefusePublication
from schemas.envelope import Record
from schemas.events.content import CopyRevised, CopyUsed
from schemas.events.publication import PublicationPlanned
from schemas.registry import Data
from streams.domain.publication import COPY_CHANGED
from streams.reactions.reaction import Reaction

HOLD = RefusePublication(
    code=COPY_CHANGED,
    reason="The copy was changed after its approval. Approve it and plan anew.",
)


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case PublicationPlanned(copy_id=copy_id, text=text) if copy_id:
            wish = UseCopy(publication_id=record.subject_id, text=text)
            yield Reaction(data=wish, aggregate_id=copy_id)
        case CopyRevised(uses=uses):
            for publication_id in dict.fromkeys(uses):
                yield Reaction(data=HOLD, aggregate_id=publication_id)
        case CopyUsed(publication_id=publication_id, changed=True):
            yield Reaction(data=HOLD, aggregate_id=publication_id)
        case _:
            return
