"""What a full run wrote into its logs: neither a person nor a secret."""

from pathlib import Path

import pytest

from tests.fixtures.fix_up import Installation, Told

PHONE = "13987654321"
EMAIL = "canary.person@example.com"
SECRET = "co_CanaryCanaryCanaryCanaryCanary"
PASSWORD = "canary-hunter2"
DEMO_LEAD = ("13800138000", "林晓")


def provoke(installation: Installation, tenant: str) -> None:
    """Requests that go wrong in as many places as possible."""
    with installation.as_tenant(tenant) as api:
        source = f"https://user:{PASSWORD}@127.0.0.1:9/{EMAIL}.mp4?token={SECRET}"
        api.post("/media/jobs", json={"type": "transcode", "sourceUrl": source})
        api.post("/leads/forms/nobody", json={"phone": PHONE, "no": {"mail": EMAIL}})
        api.get(f"/assets/{EMAIL}", headers={"Authorization": f"Bearer {SECRET}"})
        root = installation.settings.api_url
        api.post(
            f"{root}/webhooks/douyin",
            content=f'{{"phone": "{PHONE}", "email": "{EMAIL}"',
            headers={"X-Douyin-Signature": SECRET},
        )
        api.get(f"{root}/nowhere/{PHONE}", params={"access_token": SECRET})


def found_in(folder: Path, canaries: list[str]) -> list[tuple[str, str]]:
    return [
        (path.name, canary)
        for path in sorted(folder.rglob("*.log"))
        for canary in canaries
        if canary in path.read_text("utf-8", errors="replace")
    ]


@pytest.fixture(scope="module")
def canaries(installation: Installation, told: Told) -> list[str]:
    provoke(installation, told.tenant)
    settings = installation.settings
    secrets = [
        settings.secret_for("postgres:api"),
        settings.clickhouse_password("sink"),
        settings.master_key().hex(),
        str(settings.need("s3_secret_key")),
        str(settings.need("douyin_client_secret")),
        str(settings.need("bilibili_client_secret")),
    ]
    return [PHONE, EMAIL, SECRET, PASSWORD, *DEMO_LEAD, *secrets]


def test_no_log_of_a_run_names_a_person_or_a_secret(
    installation: Installation, canaries: list[str]
) -> None:
    logs = installation.settings.data / "logs"

    assert len(list(logs.glob("*.log"))) > 10
    assert found_in(logs, canaries) == []


def test_a_canary_that_was_logged_is_found(tmp_path: Path, canaries: list[str]) -> None:
    (tmp_path / "role.log").write_text(f'{{"event": "from {PHONE}"}}\n', "utf-8")

    assert found_in(tmp_path, canaries) == [("role.log", PHONE)]
