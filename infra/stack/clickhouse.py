"""ClickHouse as a child: configuration, start, and the database it serves."""

import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from infra.problem import Stop
from infra.stack import clickhouse_config
from infra.stack.children import Child, Children, Program
from infra.stack.clickhouse_server import PINNED
from infra.stack.waiting import until

CREATE = "CREATE DATABASE IF NOT EXISTS contentops ENGINE = Atomic"


async def start(
    children: Children,
    data: Path,
    *,
    port: int,
    passwords: Mapping[str, str],
    tenants: Mapping[str, str],
    env: Mapping[str, str],
) -> Child:
    """Ready when its HTTP server answers and the database is there."""
    _check_version()
    run = data / "clickhouse" / "run"
    store = data / "clickhouse" / "data"
    for folder in (run.parent, run, store):
        folder.mkdir(mode=0o700, exist_ok=True)
    _write(run / "launcher", secrets.token_hex(16))
    place = clickhouse_config.Place(run=run, port=port)
    _write(run / "config.xml", clickhouse_config.config(place))
    write_users(data, passwords, tenants)
    module = "infra.stack.clickhouse_server"
    child = children.spawn(
        Program(
            name="clickhouse",
            command=[sys.executable, "-m", module, run, store, str(port)],
            env=env,
            cwd=Path(__file__).parents[2],
            patience_s=20,
        )
    )
    await until(child, lambda: created(port, passwords["admin"]), limit_s=60)
    return child


def write_users(
    data: Path, passwords: Mapping[str, str], tenants: Mapping[str, str]
) -> None:
    """Read by the server at its next start."""
    run = data / "clickhouse" / "run"
    everyone = {**passwords, "launcher": (run / "launcher").read_text()}
    _write(run / "users.xml", clickhouse_config.users(everyone, tenants))


def created(port: int, password: str) -> bool:
    """Make the database if missing; False while the server does not listen yet."""
    query = urllib.parse.urlencode({"query": CREATE})
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": password}
    url = f"http://127.0.0.1:{port}/?{query}"
    request = urllib.request.Request(url, b"", headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return int(answer.status) == 200
    except urllib.error.HTTPError as error:
        words = error.read().decode(errors="replace")[:200]
        raise Stop(f"ClickHouse refused its own administrator: {words}") from error
    except OSError:
        return False


def _check_version() -> None:
    """The way in is no public interface of the wheel: no other version will do."""
    found = version("chdb-core")
    if found != PINNED:
        raise Stop(f"chdb-core is {found} and must be {PINNED}: run `make setup`.")


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
