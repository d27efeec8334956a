"""What may have happened to a landing page and to the leads it catches."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Sealed


class PageCreated(Struct, frozen=True, tag="io.contentops.page.created.v1"):
    publication_id: str
    code: str
    title: str
    video_id: str = ""


class LeadCaptured(Struct, frozen=True, tag="io.contentops.lead.captured.v1"):
    """`contact` holds every field the person typed, under that person's own key."""

    page_id: str
    publication_id: str
    source: str
    subject_id: str
    contact: Sealed


PageEvent: TypeAlias = PageCreated
LeadEvent: TypeAlias = LeadCaptured
