"""Settings: what they read, derive and refuse."""

import stat
import threading
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr, ValidationError

from infra.problem import Stop
from infra.settings import Settings, inherited


def test_the_environment_is_read_under_one_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTENTOPS_POOL_MAX", "7")
    monkeypatch.setenv("CONTENTOPS_FAULT", "")
    monkeypatch.setenv("POOL_MIN", "99")
    settings = Settings()
    assert (settings.pool_max, settings.pool_min, settings.fault) == (7, 5, None)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().partitions = 8


def test_a_child_gets_exactly_these_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = SecretStr("host=h user=postgres password='a b'")
    parent = Settings(data=tmp_path, postgres=secret, ai_api_key=SecretStr("k"))
    for name, value in parent.environment().items():
        monkeypatch.setenv(name, value)
    assert dict(Settings()) == dict(parent)


def test_a_secret_is_not_printed() -> None:
    shown = repr(Settings(ai_api_key=SecretStr("sk-visible")))
    assert "sk-visible" not in shown


def test_the_inherited_environment_holds_no_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTENTOPS_AI_API_KEY", "sk")
    monkeypatch.setenv("KEPT", "yes")
    assert "CONTENTOPS_AI_API_KEY" not in inherited()
    assert inherited()["KEPT"] == "yes"


def test_a_missing_value_names_its_variable() -> None:
    with pytest.raises(Stop, match=r"CONTENTOPS_KAFKA is not set.*contentops up"):
        Settings().need("kafka")


def test_each_role_has_a_password_of_its_own(tmp_path: Path) -> None:
    admin = SecretStr("host=h port=5 user=postgres password=p dbname=contentops")
    settings = Settings(data=tmp_path, postgres=admin)
    api = conninfo_to_dict(settings.dsn("api"))
    keys = conninfo_to_dict(settings.dsn("keys", "contentops_keys"))
    owner = conninfo_to_dict(settings.dsn("owner"))
    assert (api["user"], api["host"], api["port"]) == ("contentops_api", "h", "5")
    assert keys["dbname"] == "contentops_keys"
    assert (owner["user"], owner["password"]) == ("postgres", "p")
    assert len({api["password"], keys["password"], owner["password"]}) == 3


def test_the_master_key_is_drawn_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    key = settings.master_key()
    assert len(key) == 32
    assert Settings(data=tmp_path).master_key() == key
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert [path.name for path in settings.key_file.parent.iterdir()] == ["master.key"]


def test_two_processes_that_draw_at_once_read_the_same_key(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    found: set[bytes] = set()
    gate = threading.Barrier(8)

    def draw() -> None:
        gate.wait()
        found.add(settings.master_key())

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_a_damaged_master_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "short.key"
    file.write_bytes(b"too short")
    with pytest.raises(Stop, match="restore it from backup"):
        Settings(data=tmp_path, master_key_file=file).master_key()


def test_the_public_address_wins_over_the_local_one() -> None:
    assert Settings(api_port=81).api_url == "http://127.0.0.1:81"
    assert Settings(api_port=81, public_url="https://a.b/").api_url == "https://a.b"
