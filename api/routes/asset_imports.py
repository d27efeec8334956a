"""Assets that we fetch ourselves, from an address or from the tenant's own prefix."""

from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Response
from pydantic import StringConstraints

from api.deps import Read
from api.problems import Fault, Problem, invalid, missing
from api.routes import quota
from api.routes.assets import Asset
from api.rows import Rows
from api.shapes import Body, Id, Item, Receipt
from api.writes import Outcome, Write, Writes, answer, decide, receipt
from media_agents.errors import FetchRefused
from media_agents.fetch import check_url
from media_agents.storage import object_key, own_prefix
from schemas.commands.asset import ImportAsset

router = APIRouter(tags=["assets"])

Source = Annotated[str, StringConstraints(max_length=2000)]


class NewImport(Body):
    """https, or s3 below the tenant's own prefix; nothing private is ever asked."""

    source_url: Source
    project_id: Id


@router.post("/assets/import", status_code=202, response_model=Receipt)
async def import_asset(body: NewImport, write: Writes, rows: Read) -> Response:
    asset_id, outcome = await importing(write, rows, body.source_url, body.project_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, asset_id),
        lambda: rows.one("assets", Asset, asset_id),
        made=f"/api/v1/assets/{asset_id}",
    )


async def importing(
    write: Write,
    rows: Rows,
    source: str,
    project_id: str,
    profiles: tuple[str, ...] = (),
) -> tuple[str, Outcome]:
    """The asset's id; once it is here it is transcoded to the profiles, if any."""
    check_source(source, write.who.tenant)
    if await rows.one("projects", Item, project_id) is None:
        raise missing("project", "/projectId")
    if not write.repeated:
        await quota.refuse_above(rows, write.who.tenant, project_id, 0)
    asset_id = write.new_id("asset")
    name = unquote(urlsplit(source).path).rpartition("/")[2]
    wish = ImportAsset(
        project_id=project_id,
        source=source,
        object_key=object_key(write.who.tenant, "assets", asset_id, name),
        profiles=profiles,
    )
    return asset_id, await decide(write, wish, asset_id)


def check_source(source: str, tenant: str) -> None:
    """Raises Problem for what nobody may have fetched here."""
    if source.startswith("s3://"):
        _, _, key = source.removeprefix("s3://").partition("/")
        if not own_prefix(tenant, key):
            raise Problem(
                403,
                "This object is not below your tenant's prefix.",
                Fault(
                    "/sourceUrl",
                    "The object belongs to nobody or to somebody else.",
                    f"Use s3://<bucket>/{tenant}/….",
                ),
                code="forbidden",
            )
        return
    try:
        check_url(source)
    except FetchRefused as refused:
        raise invalid("/sourceUrl", refused.reason, refused.remedy) from refused
