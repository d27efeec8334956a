"""`contentops doctor`: well, unwell, and mending."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from infra import doctor
from infra.settings import Settings
from infra.stack import processes


def visit(settings: Settings, *, fix: bool = False) -> tuple[bool, str]:
    page = io.StringIO()
    well = doctor.visit(settings, fix=fix, console=Console(file=page, width=200))
    return well, page.getvalue()


def test_running_servers_show_their_versions(stack: Settings) -> None:
    found = {finding.component: finding for finding in doctor.examined(stack)}
    assert found["postgres"].version.startswith("18")
    assert found["clickhouse"].version.startswith("26.9")
    assert found["kafka"].address == stack.kafka
    servers = ("kafka", "postgres", "clickhouse", "s3", "disk")
    assert all(found[name].healthy for name in servers)
    assert "opensearch" not in found


def test_no_secret_is_shown(stack: Settings) -> None:
    _, page = visit(stack)
    assert stack.need("s3_secret_key") not in page
    assert stack.secret_for("postgres:owner") not in page


@pytest.mark.parametrize("name", ["kafka", "clickhouse", "s3", "opensearch"])
def test_a_dead_server_is_named_with_a_remedy(stack: Settings, name: str) -> None:
    nowhere = "127.0.0.1:1" if name == "kafka" else "http://127.0.0.1:1"
    well, page = visit(stack.replace({name: nowhere}))
    assert not well
    assert f"{name}: does not answer" in page


def test_nothing_running_says_what_to_start(tmp_path: Path) -> None:
    well, page = visit(Settings(data=tmp_path / "data"))
    assert not well
    assert "CONTENTOPS_KAFKA is not set: run `contentops up`" in page


def test_fix_ends_what_was_left(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = processes.identify(left.pid)
    assert identity is not None
    (tmp_path / "run").mkdir()
    row = {"kafka": {**vars(identity), "stop": 15}}
    (tmp_path / "run" / "children.json").write_text(json.dumps(row))
    _, page = visit(Settings(data=tmp_path), fix=True)
    assert f"ended kafka (process {left.pid})" in page
    assert left.wait(5) == -15


def test_fix_keeps_its_hands_off_a_running_stack(stack: Settings) -> None:
    _, page = visit(stack, fix=True)
    assert "nothing was changed: A stack already runs" in page
