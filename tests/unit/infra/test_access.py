"""Signing in by hand: two roles with few rights, and nobody else."""

from pathlib import Path

import pytest

from infra.access import sign_in
from infra.problem import Stop
from infra.settings import Settings


def settings(folder: Path) -> Settings:
    return Settings(data=folder, clickhouse="http://h:1").replace(
        {"postgres": "postgresql://owner:secret@h/contentops"}
    )


def test_the_analyst_and_the_api_role_can_be_used_by_hand(tmp_path: Path) -> None:
    here = settings(tmp_path)

    assert sign_in(here, "analyst").startswith("http://h:1 analyst ")
    assert "contentops_api" in sign_in(here, "api")
    assert "secret" not in sign_in(here, "api")


def test_nobody_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"for analyst .* and for api"):
        sign_in(settings(tmp_path), "owner")
