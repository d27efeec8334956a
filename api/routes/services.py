"""Tools that others run: a tenant registers one, and it says itself what it can do."""

from typing import Annotated

from fastapi import APIRouter, Response
from msgspec import json
from pydantic import Field, SecretStr

from api.deps import Cursor, Limit, P, Read, Who
from api.parts import Parts
from api.problems import Fault, Problem, invalid, missing
from api.rows import Rows
from api.shapes import Body, Id, Item, Page, Receipt, Shown
from api.writes import Writes, answer, decide, receipt
from media_agents.errors import FetchRefused, TryLater
from media_agents.tool_services import Manifest, Service
from schemas.commands.service import RegisterService, RemoveService
from schemas.ids import service_id

router = APIRouter(prefix="/ai/services", tags=["ai"])

LONGEST_SCHEMA = 16_000


class NewService(Body):
    """`secret` signs every request; both sides have it, nobody else."""

    url: Annotated[str, Field(max_length=500)]
    secret: Annotated[SecretStr, Field(min_length=16, max_length=200)]


class ServiceShown(Item):
    """`name` is how it is used: `POST /ai/tools/{name}`."""

    name: str = ""
    url: str = ""
    tool_version: str = ""
    about: str = ""
    status: str = ""


class ServiceRow(ServiceShown):
    input: str = "{}"
    output: str = "{}"
    secret_ref: str = ""


class Health(Shown):
    well: bool
    reason: str = ""


@router.post("", status_code=202, response_model=Receipt)
async def register(body: NewService, write: Writes, parts: P, rows: Read) -> Response:
    """Asks it for its manifest now; registering again takes what it says then."""
    secret = body.secret.get_secret_value().encode()
    manifest = await _manifest(parts, Service(body.url, secret))
    tenant = write.who.tenant
    key = service_id(tenant, manifest.name)
    ref = await parts.keyring.put_secret(tenant, f"service/{key}", secret)
    wish = RegisterService(
        name=manifest.name,
        url=body.url,
        tool_version=manifest.version,
        about=manifest.about,
        input=json.encode(manifest.input).decode(),
        output=json.encode(manifest.output).decode(),
        secret_ref=ref,
    )
    outcome = await decide(write, wish, key)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, key),
        lambda: rows.one("services", ServiceShown, key),
        made=f"/api/v1/ai/services/{key}",
    )


@router.get("")
async def list_services(
    rows: Read, cursor: Cursor = None, limit: Limit = 50
) -> Page[ServiceShown]:
    return await rows.page("services", ServiceShown, cursor=cursor, limit=limit)


@router.get("/{service_id}")
async def read_service(service_id: Id, rows: Read) -> ServiceShown:
    return await _row(rows, service_id)


@router.get("/{service_id}/health")
async def health(service_id: Id, rows: Read, parts: P, who: Who) -> Health:
    row = await _row(rows, service_id)
    secret = await parts.keyring.get_secret(who.tenant, row.secret_ref)
    try:
        await parts.services.health(Service(row.url, secret))
    except (FetchRefused, TryLater) as unwell:
        return Health(well=False, reason=unwell.reason)
    return Health(well=True)


@router.delete("/{service_id}", status_code=202, response_model=Receipt)
async def remove(service_id: Id, write: Writes, rows: Read) -> Response:
    row = await _row(rows, service_id)
    outcome = await decide(write, RemoveService(), service_id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, service_id),
        lambda: rows.one("services", ServiceShown, service_id),
    )


async def _row(rows: Rows, key: str) -> ServiceRow:
    found = await rows.one("services", ServiceRow, key)
    if found is None:
        raise missing("service")
    return found


async def _manifest(parts: Parts, service: Service) -> Manifest:
    try:
        found = await parts.services.manifest(service)
    except FetchRefused as no:
        raise invalid("/url", no.reason, no.remedy) from no
    except TryLater as away:
        fault = Fault("/url", away.reason, "Start the service, then register it.")
        raise Problem(503, "The service does not answer.", fault) from away
    if len(json.encode(found)) > LONGEST_SCHEMA:
        remedy = f"Keep the manifest below {LONGEST_SCHEMA} bytes."
        raise invalid("/url", "The manifest is too long.", remedy)
    return found
