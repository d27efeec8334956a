"""Every read model thrown away while all roles run, and made again from the log."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import psycopg
import pytest

from projections.clickhouse import connect
from projections.registry import PROJECTIONS
from tests.fixtures.fix_records import eventually
from tests.fixtures.fix_up import ROOT, Installation, Told

TODAY = datetime.now(UTC).date()
FROM, TO = TODAY - timedelta(days=30), TODAY + timedelta(days=30)
LISTS = (
    "/projects",
    "/assets",
    "/videos",
    "/copies",
    "/tasks",
    "/accounts",
    "/publications",
    f"/calendar?from={FROM}T00:00:00Z&to={TO}T00:00:00Z",
    "/leads",
    "/analytics/overview",
)
SIGNED = {
    "url",
    "hlsUrl",
    "coverUrl",
    "thumbnailUrl",
    "thumbnailsUrl",
    "waveformUrl",
    "watchUrl",
    "downloadUrl",
    "shareLink",
    "packUrl",
}
REBUILD = (sys.executable, "-m", "infra.cli", "projection", "rebuild", "--all")
REBUILD_LIMIT_S = 120


@pytest.fixture(scope="module")
def api(installation: Installation, told: Told) -> httpx.Client:
    return installation.as_tenant(told.tenant)


def unsigned(value: object) -> object:
    """Signed links carry the time they were made; everything else must be equal."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in SIGNED}
        return {name: unsigned(each) for name, each in kept.items()}
    return [unsigned(each) for each in value] if isinstance(value, list) else value


def answers(api: httpx.Client) -> dict[str, object]:
    found = {}
    for path in LISTS:
        answer = api.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        found[path] = unsigned(answer.json())
    return found


def ended(api: httpx.Client) -> bool:
    """Covers are still drawn, and paid for, when the main job is done."""
    tasks = api.get("/tasks").json()["items"]
    return all(
        each["status"] == "completed" and (each["spent"] or each["role"] != "media")
        for each in tasks
    )


def performance(installation: Installation) -> list[tuple[object, ...]]:
    """As an analyst sees it, through the unmodified client."""
    settings = installation.settings
    address = urlsplit(settings.need("clickhouse"))
    client = clickhouse_connect.get_client(
        host=address.hostname or "",
        port=address.port or 0,
        username="analyst",
        password=settings.clickhouse_password("analyst"),
        database="contentops",
    )
    found = client.query(
        "SELECT * FROM publication_performance ORDER BY tenant, publication_id"
    )
    return [tuple(row) for row in found.result_rows]


def throw_away(installation: Installation) -> None:
    settings = installation.settings
    with psycopg.connect(settings.dsn("owner"), autocommit=True) as connection:
        for each in PROJECTIONS:
            connection.execute(f"DROP SCHEMA IF EXISTS {each.schema} CASCADE")
    client = connect(
        settings.need("clickhouse"), "admin", settings.clickhouse_password("admin")
    )
    client.command("DROP DATABASE contentops")


def test_the_same_answers_after_everything_was_thrown_away(
    installation: Installation, api: httpx.Client
) -> None:
    eventually(lambda: ended(api), limit_s=60)
    before, numbers = answers(api), performance(installation)
    assert numbers

    throw_away(installation)
    done = subprocess.run(
        [*REBUILD, "--data", str(installation.settings.data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=REBUILD_LIMIT_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert answers(api) == before
    assert performance(installation) == numbers
