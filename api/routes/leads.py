"""Leads: who left their details, shown in clear only to those who work with them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.deps import Cursor, Limit, P, Read, Who
from api.parts import Parts
from api.problems import missing
from api.shapes import Id, Item, Page, Shown
from projections.leads.query import FIELD, contact
from schemas.jobs import Sealed

router = APIRouter(tags=["leads"])


class SealedContact(Shown):
    key_id: str
    nonce: str
    cipher: str


class LeadRow(Item):
    page_id: str = ""
    publication_id: str = ""
    source: str = ""
    status: str = ""
    owner: str = ""
    subject_id: str = Field(default="", exclude=True)
    contact: SealedContact


class Lead(Item):
    """`contact` is null once the person was erased; viewers see it masked."""

    page_id: str = ""
    publication_id: str = ""
    source: str = ""
    status: str = ""
    owner: str = ""
    contact: dict[str, str] | None = None
    consent: bool | None = None


@router.get("/leads")
async def list_leads(  # noqa: PLR0913  filters of a list are its arguments
    rows: Read,
    parts: P,
    who: Who,
    page_id: Annotated[Id | None, Query(alias="pageId")] = None,
    publication_id: Annotated[Id | None, Query(alias="publicationId")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Lead]:
    where = {"page_id": page_id, "publication_id": publication_id}
    page = await rows.page("leads", LeadRow, where=where, cursor=cursor, limit=limit)
    opened = [
        await _opened(parts, who.tenant, row, clear=who.may_write) for row in page.items
    ]
    return Page(items=opened, next=page.next)


@router.get("/leads/{lead_id}")
async def read_lead(
    lead_id: Id, rows: Read, parts: P, who: Who, response: Response
) -> Lead:
    found = await rows.one("leads", LeadRow, lead_id)
    if found is None:
        raise missing("lead")
    response.headers["ETag"] = f'"{found.version}"'
    return await _opened(parts, who.tenant, found, clear=who.may_write)


async def _opened(parts: Parts, tenant: str, row: LeadRow, *, clear: bool) -> Lead:
    sealed = Sealed(row.contact.key_id, row.contact.nonce, row.contact.cipher)
    shown = {name: value for name, value in row if name != FIELD}
    found = await contact(parts.keyring, tenant, sealed, clear=clear)
    if found is not None:
        shown |= {"contact": found.fields, "consent": found.consent}
    return Lead.model_validate(shown)
