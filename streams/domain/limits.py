"""Limits of what assets may take, of a tenant or of one of its projects."""

from schemas.commands.content import LimitProject
from schemas.commands.tenant import LimitTenant
from streams.domain.rejected import Rejected


def refuse_negative(command: LimitTenant | LimitProject) -> None:
    for field in ("asset_bytes", "asset_files"):
        if (getattr(command, field) or 0) < 0:
            raise Rejected(
                "invalid",
                "negative",
                "A limit is 0 or more; leave it out for none.",
                pointer=f"/{field}",
            )
