"""Who signs in to ClickHouse: the users of every installation, and each tenant's own.

Our own server reads its users at its start, so a new one is written into its file and
the server started again, which takes some seconds; sinks and the API wait for it.
"""

import time
import urllib.request
from pathlib import Path

from infra.problem import Stop
from infra.settings import ClickHouseUser, Settings
from infra.stack import clickhouse, processes
from infra.stack.children import read_state

USERS: tuple[ClickHouseUser, ...] = ("sink", "admin", "analyst")
LIMIT_S = 60.0
POLL_S = 0.1


def passwords(settings: Settings) -> dict[str, str]:
    return {user: settings.clickhouse_password(user) for user in USERS}


def password_of(settings: Settings, tenant: str) -> str:
    return settings.secret_for(f"clickhouse:tenant:{tenant}")


def tenants(settings: Settings) -> dict[str, str]:
    """The password of each tenant that has an analyst of its own."""
    known = _list(settings)
    names = known.read_text().split() if known.exists() else []
    return {name: password_of(settings, name) for name in names}


def is_ours(settings: Settings) -> bool:
    """Whether the ClickHouse of these settings was started by `contentops up`."""
    return "clickhouse" in read_state(_state(settings))


def add(settings: Settings, tenant: str, user: str) -> None:
    """Returns once the user may sign in; raises Stop when the server stays away."""
    if tenant not in tenants(settings):
        with _list(settings).open("a") as file:
            file.write(f"{tenant}\n")
    clickhouse.write_users(settings.data, passwords(settings), tenants(settings))
    who, stop = read_state(_state(settings))["clickhouse"]
    processes.end_process(who, stop, 20)
    until = time.monotonic() + LIMIT_S
    url, password = settings.need("clickhouse"), password_of(settings, tenant)
    while not answers(url, user, password):
        if time.monotonic() > until:
            raise Stop("ClickHouse did not come back: see `contentops doctor`.")
        time.sleep(POLL_S)


def answers(url: str, user: str, password: str) -> bool:
    """Whether somebody can sign in there now."""
    headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
    request = urllib.request.Request(url, b"SELECT 1", headers)  # noqa: S310  a setting
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return int(answer.status) == 200
    except OSError:
        return False


def _list(settings: Settings) -> Path:
    return settings.data / "clickhouse" / "tenants"


def _state(settings: Settings) -> Path:
    return settings.data / "run" / "children.json"
