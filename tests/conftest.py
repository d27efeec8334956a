"""Loads every fixture file of tests/fixtures, so that adding one is one new file."""

from pathlib import Path

import pytest
from hypothesis import settings

FOLDER = Path(__file__).with_name("fixtures")

pytest_plugins = [f"fixtures.{path.stem}" for path in sorted(FOLDER.glob("fix_*.py"))]

# Tests are not timed: another process may have the processor for a while.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LONG = ("tests/faults/", "tests/e2e/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first, so that no process of two is left with it."""
    items.sort(key=lambda each: not each.nodeid.startswith(LONG))
