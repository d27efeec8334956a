"""What the assets of a tenant take, and how much they may."""

from fastapi import APIRouter

from api.deps import Read, Who
from api.problems import Fault, Problem
from api.rows import Rows
from api.shapes import Shown
from projections.assets.query import TAKEN

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


@router.get("/quota")
async def quota(who: Who, rows: Read) -> Quota:
    return await of(rows, who.tenant)


async def of(rows: Rows, tenant: str) -> Quota:
    limits = await rows.one("tenants", Limits, tenant) or Limits()
    (taken,) = await rows.all(TAKEN, {"project": None})
    return Quota(
        bytes=Share(used=taken["bytes"], limit=limits.asset_bytes),
        files=Share(used=taken["files"], limit=limits.asset_files),
    )


async def refuse_above(rows: Rows, tenant: str, size: int) -> None:
    """One more file of this size; raises Problem 403.

    Two at the same moment may both be let in: the limit is one of bookkeeping.
    """
    found = await of(rows, tenant)
    for name, share, more in (("bytes", found.bytes, size), ("files", found.files, 1)):
        if share.limit is not None and share.used + more > share.limit:
            left = max(share.limit - share.used, 0)
            raise Problem(
                403,
                f"This would go beyond the quota: {left} {name} are left.",
                Fault(
                    "/size",
                    f"{share.used} of {share.limit} {name} are taken.",
                    "Delete assets for good (keepDays=0), or have the quota raised.",
                ),
                code="quota_exceeded",
            )
