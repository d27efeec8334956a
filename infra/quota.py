"""How much the assets of a tenant may take: shown, and set by whoever runs this."""

from collections.abc import Callable

import psycopg
from msgspec import Struct

from infra.problem import Stop
from infra.settings import Settings
from infra.wishes import decide_all
from projections.assets.query import TAKEN
from schemas.commands.tenant import LimitTenant

UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
LIMITS = "SELECT asset_bytes, asset_files FROM read.tenants WHERE id = %s"
SET_TENANT = "SELECT set_config('app.tenant', %s, false)"


class Quota(Struct, frozen=True):
    """What is taken, and of how much; None = as much as there is room for."""

    bytes: int
    files: int
    most_bytes: int | None
    most_files: int | None


def limit(
    settings: Settings, tenant: str, most_bytes: int | None, most_files: int | None
) -> None:
    """Both at once: what is None has no limit from then on."""
    wish = LimitTenant(asset_bytes=most_bytes, asset_files=most_files)
    decide_all(settings, tenant, [(wish, tenant)])


def read(settings: Settings, tenant: str) -> Quota:
    with psycopg.connect(settings.dsn("api")) as connection:
        connection.execute(SET_TENANT, (tenant,))
        limits = connection.execute(LIMITS, (tenant,)).fetchone()
        taken = connection.execute(TAKEN, {"project": None}).fetchone()
    if limits is None or taken is None:
        raise Stop(f"There is no tenant {tenant}.", code=2)
    return Quota(int(taken[1]), int(taken[0]), limits[0], limits[1])


def show(quota: Quota, say: Callable[[str], None]) -> None:
    most = "no limit" if quota.most_bytes is None else _size(quota.most_bytes)
    files = "no limit" if quota.most_files is None else str(quota.most_files)
    say(f"bytes: {_size(quota.bytes)} of {most}")
    say(f"files: {quota.files} of {files}")


def size_of(text: str) -> int | None:
    """`500MB`, `1.5 TB`, plain bytes, or `none`; raises Stop."""
    plain = text.strip().lower()
    if plain == "none":
        return None
    unit = UNITS.get(plain[-2:])
    try:
        found = float(plain[:-2]) * unit if unit else float(plain)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 2**62:
        raise Stop(f"{text!r} is no size: give 500MB, 1.5TB or none.", code=2)
    return int(found)


def _size(number: int) -> str:
    for unit, factor in reversed(UNITS.items()):
        if number >= factor:
            return f"{number / factor:.4g} {unit.upper()}"
    return f"{number} B"
