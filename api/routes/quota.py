"""What the assets of a tenant or of a project take, and how much they may."""

from fastapi import APIRouter, Response
from pydantic import Field

from api.deps import ProjectId, Read, Who
from api.problems import Fault, Problem, missing
from api.rows import Rows
from api.shapes import Body, Id, Item, Receipt, Shown
from api.writes import Writes, answer, decide, receipt
from projections.assets.query import TAKEN
from schemas.commands.content import LimitProject

router = APIRouter(tags=["assets"])


class Share(Shown):
    """`limit` null = none; what was announced counts as if it had arrived."""

    used: int
    limit: int | None = None


class Quota(Shown):
    bytes: Share
    files: Share


class Limits(Shown):
    asset_bytes: int | None = None
    asset_files: int | None = None


class NewLimits(Body):
    """Both at once: what is left out has no limit from then on."""

    bytes: int | None = Field(default=None, ge=0, le=2**62)
    files: int | None = Field(default=None, ge=0, le=2**62)


@router.get("/quota")
async def quota(who: Who, rows: Read, project_id: ProjectId = None) -> Quota:
    """Of the tenant, or of one of its projects."""
    if project_id is None:
        return await of_tenant(rows, who.tenant)
    if await rows.one("projects", Item, project_id) is None:
        raise missing("project", "/query/projectId")
    return await of_project(rows, project_id)


@router.put("/projects/{project_id}/quota", status_code=202, response_model=Receipt)
async def limit_project(
    project_id: Id, body: NewLimits, write: Writes, rows: Read
) -> Response:
    wish = LimitProject(asset_bytes=body.bytes, asset_files=body.files)
    outcome = await decide(write, wish, project_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, project_id),
        lambda: rows.one("projects", Item, project_id),
    )


async def of_tenant(rows: Rows, tenant: str) -> Quota:
    limits = await rows.one("tenants", Limits, tenant) or Limits()
    return await _of(rows, limits, None)


async def of_project(rows: Rows, project_id: str) -> Quota:
    limits = await rows.one("projects", Limits, project_id) or Limits()
    return await _of(rows, limits, project_id)


async def _of(rows: Rows, limits: Limits, project_id: str | None) -> Quota:
    (taken,) = await rows.all(TAKEN, {"project": project_id})
    return Quota(
        bytes=Share(used=taken["bytes"], limit=limits.asset_bytes),
        files=Share(used=taken["files"], limit=limits.asset_files),
    )


async def refuse_above(rows: Rows, tenant: str, project_id: str, size: int) -> None:
    """One more file of this size in this project; raises Problem 403.

    Two at the same moment may both be let in: the limit is one of bookkeeping.
    """
    _refuse(await of_tenant(rows, tenant), size, "")
    _refuse(await of_project(rows, project_id), size, " of the project")


def _refuse(found: Quota, size: int, whose: str) -> None:
    for name, share, more in (("bytes", found.bytes, size), ("files", found.files, 1)):
        if share.limit is not None and share.used + more > share.limit:
            left = max(share.limit - share.used, 0)
            raise Problem(
                403,
                f"This would go beyond the quota{whose}: {left} {name} are left.",
                Fault(
                    "/size",
                    f"{share.used} of {share.limit} {name} are taken.",
                    "Delete assets for good (keepDays=0), or have the quota raised.",
                ),
                code="quota_exceeded",
            )
