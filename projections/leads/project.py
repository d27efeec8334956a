"""Landing pages and leads; contact fields stay sealed under the person's key."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.lead import LeadCaptured, PageCreated
from schemas.registry import Data

PAGES = Table("pages")
LEADS = Table("leads", json=frozenset({"contact"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case PageCreated() as page:
            return (
                row(
                    PAGES,
                    record,
                    publication_id=page.publication_id,
                    code=page.code,
                    title=page.title,
                    video_id=page.video_id,
                ),
            )
        case LeadCaptured() as lead:
            return (
                row(
                    LEADS,
                    record,
                    page_id=lead.page_id,
                    publication_id=lead.publication_id,
                    source=lead.source,
                    subject_id=lead.subject_id,
                    contact=lead.contact,
                    status="new",
                    owner="",
                ),
            )
        case _:
            return ()
