"""Landing pages: a public page per publication and the form that catches leads."""

import base64
import hashlib
import json
import secrets
from typing import Annotated, TypeAlias
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from psycopg.rows import dict_row
from pydantic import Field, StringConstraints, ValidationError

from api import pages as html
from api.bodies import canonical, storable
from api.callers import Principal
from api.deps import Cursor, Limit, P, Read, admitted
from api.links import Link, sign
from api.parts import Parts
from api.problems import Problem, faulty, invalid, missing
from api.routes.publications import Publication
from api.rows import Rows
from api.shapes import Body, Id, Item, Page, Receipt
from api.writes import Outcome, Write, Writes, answer, decide, receipt
from projections.leads.query import FIELD
from schemas.commands.lead import CaptureLead, CreatePage
from schemas.ids import derived

router = APIRouter(tags=["leads"])
pages = APIRouter(tags=["pages"])

"""The field name that sealed contact details are bound to."""
Code: TypeAlias = Annotated[str, Path(pattern=r"^[a-z2-7]{6,32}$")]
_Name = Annotated[str, StringConstraints(pattern=r"^\w[\w .-]*$", max_length=40)]
_Value = Annotated[str, StringConstraints(max_length=2000)]
_KNOWN = ("name", "phone", "email", "message")


class NewLandingPage(Body):
    publication_id: Id
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class LandingPage(Item):
    publication_id: str = ""
    code: str = ""
    title: str = ""
    video_id: str = ""
    url: str = ""


class LeadForm(Body):
    """`website` is a trap for robots; people never see it."""

    fields: dict[_Name, _Value] = Field(min_length=1, max_length=20)
    source: Annotated[str, StringConstraints(max_length=80)] = "landing_page"
    consent: bool | None = None
    nonce: Annotated[str, StringConstraints(max_length=100)] | None = None
    website: Annotated[str, StringConstraints(max_length=2000)] = ""


@router.post("/landing-pages", status_code=202, response_model=Receipt)
async def create_page(
    body: NewLandingPage, write: Writes, parts: P, rows: Read
) -> Response:
    row = await rows.one("publications", Publication, body.publication_id)
    if row is None:
        raise missing("publication", "/publicationId")
    page_id = write.new_id("page")
    wish = CreatePage(
        publication_id=row.id,
        code=code_of(page_id),
        title=body.title or row.title,
        video_id=row.video_id,
    )
    outcome = await decide(write, wish, page_id, cause=row.event_id)

    async def show() -> LandingPage | None:
        found = await rows.one("pages", LandingPage, page_id)
        return _with_url(parts, found) if found else None

    made = f"/api/v1/landing-pages/{page_id}"
    return await answer(
        write, outcome, receipt(write, outcome, page_id), show, made=made
    )


def code_of(page_id: str) -> str:
    digest = hashlib.sha256(page_id.encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


@router.get("/landing-pages")
async def list_pages(
    rows: Read, parts: P, cursor: Cursor = None, limit: Limit = 50
) -> Page[LandingPage]:
    page = await rows.page("pages", LandingPage, cursor=cursor, limit=limit)
    return Page(items=[_with_url(parts, each) for each in page.items], next=page.next)


@router.get("/landing-pages/{page_id}")
async def read_page(
    page_id: Id, rows: Read, parts: P, response: Response
) -> LandingPage:
    found = await rows.one("pages", LandingPage, page_id)
    if found is None:
        raise missing("page")
    response.headers["ETag"] = f'"{found.version}"'
    return _with_url(parts, found)


def _with_url(parts: Parts, page: LandingPage) -> LandingPage:
    return page.model_copy(update={"url": f"{parts.edge.public_url}/l/{page.code}"})


@pages.get("/l/{code}", response_class=HTMLResponse)
async def show_page(code: Code, parts: P) -> HTMLResponse:
    tenant, page = await _by_code(parts, code)
    link = Link.lasting(parts, tenant, page.video_id)
    watch = f"/watch/{sign(parts.edge.link_key, link)}" if page.video_id else ""
    action = f"/api/v1/leads/forms/{code}"
    return html.landing(page.title, action, secrets.token_urlsafe(16), watch)


async def _by_code(parts: Parts, code: str) -> tuple[str, LandingPage]:
    async with parts.pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute("SELECT * FROM auth.form(%s)", (code,))
        known = await cursor.fetchone()
    if known is None or not known["tenant"]:
        raise missing("page", "/path/code")
    rows = Rows(parts.pool, known["tenant"])
    found = await rows.one("pages", LandingPage, known["id"])
    if found is None:
        raise missing("page", "/path/code")
    return known["tenant"], found


@router.post("/leads/forms/{code}", status_code=201, response_model=Receipt)
async def capture(code: Code, request: Request, parts: P) -> Response:
    """JSON answers 201; a browser's form gets a page that says thank you."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return await _capture(code, request, parts, _json_form(await request.body()))
    try:
        form = _web_form(await request.body())
        await _capture(code, request, parts, form)
    except Problem as problem:
        return html.message("没有提交 Not sent", problem.detail, problem.status)
    return html.message("谢谢 Thank you", "我们会尽快联系您。We will be in touch soon.")


def _json_form(body: bytes) -> LeadForm:
    canonical(body)
    try:
        return LeadForm.model_validate_json(body)
    except ValidationError as wrong:
        raise faulty(wrong.errors()) from wrong


def _web_form(body: bytes) -> LeadForm:
    try:
        pairs = dict(parse_qsl(body.decode(), max_num_fields=30, errors="strict"))
    except (ValueError, UnicodeError) as wrong:
        raise invalid("", "The form cannot be read.", "Reload the page.") from wrong
    if not all(storable(text) for text in pairs.values()):
        raise invalid("", "The form holds a NUL character.", "Remove it.")
    fields = {name: pairs[name] for name in _KNOWN if pairs.get(name, "").strip()}
    try:
        return LeadForm.model_validate(
            {
                "fields": fields,
                "consent": pairs.get("consent") == "yes",
                "nonce": pairs.get("nonce") or None,
                "website": pairs.get("website", ""),
            }
        )
    except ValidationError as wrong:
        raise faulty(wrong.errors()) from wrong


async def _capture(
    code: str, request: Request, parts: Parts, form: LeadForm
) -> Response:
    tenant, page = await _by_code(parts, code)
    admitted(request, parts, tenant)
    if form.consent is False:
        raise invalid(
            "/consent", "Without consent nothing is kept.", "Tick the box to agree."
        )
    if not any(value.strip() for value in form.fields.values()):
        raise invalid("/fields", "The form is empty.", "Fill in one field.")
    once = form.nonce or request.headers.get("idempotency-key") or str(uuid4())
    write = await _visitor(parts, tenant, code, once[:200], form)
    if form.website:
        told = Receipt(operation_id=write.command_id, status="accepted", id="")
        return JSONResponse(told.model_dump(by_alias=True), 201)
    return await _lead(write, page, form)


async def _visitor(
    parts: Parts, tenant: str, code: str, once: str, form: LeadForm
) -> Write:
    """A double click has the same nonce, so it is the same command."""
    body = form.model_dump_json(exclude={"nonce"}).encode()
    return Write(
        parts=parts,
        who=Principal(tenant, "visitor", "visitor"),
        command_id=derived("form", code, once),
        body_mac=await parts.keyring.mac(tenant, code.encode() + b"\n" + body),
    )


async def _lead(write: Write, page: LandingPage, form: LeadForm) -> Response:
    lead_id = write.new_id("lead")
    subject_id = derived("subject", lead_id)
    plain = json.dumps({"fields": form.fields, "consent": form.consent}).encode()
    sealed = await write.parts.keyring.seal(write.who.tenant, subject_id, FIELD, plain)
    wish = CaptureLead(
        page_id=page.id,
        publication_id=page.publication_id,
        source=form.source,
        subject_id=subject_id,
        contact=sealed,
    )
    outcome = await _once(write, wish, lead_id, page.event_id)
    told = receipt(write, outcome, lead_id)
    return JSONResponse(told.model_dump(by_alias=True), 201)


async def _once(write: Write, wish: CaptureLead, lead_id: str, cause: str) -> Outcome:
    """Sealing twice gives other bytes, so the second click must not be appended."""
    known = await write.seen()
    return await decide(known, wish, lead_id, cause=cause)
