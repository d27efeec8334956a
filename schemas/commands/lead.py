"""What may be wished of a landing page and of a lead."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Sealed


class CreatePage(Struct, frozen=True, tag="io.contentops.page.create.v1"):
    publication_id: str
    code: str
    title: str
    video_id: str = ""


class CaptureLead(Struct, frozen=True, tag="io.contentops.lead.capture.v1"):
    page_id: str
    publication_id: str
    source: str
    subject_id: str
    contact: Sealed


PageCommand: TypeAlias = CreatePage
LeadCommand: TypeAlias = CaptureLead
