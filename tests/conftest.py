"""Loads every fixture file of tests/fixtures, so that adding one is one new file."""

from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

FOLDER = Path(__file__).with_name("fixtures")

pytest_plugins = [f"fixtures.{path.stem}" for path in sorted(FOLDER.glob("fix_*.py"))]

# Tests are not timed: another process may have the processor for a while.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# One installation serves all of a folder, so one process has them all.
LONG = ("tests/faults/", "tests/e2e/")


class Folders(LoadScopeScheduling):
    """A process gets whole files, or one of those folders whole."""

    def _split_scope(self, nodeid: str) -> str:
        return next((each for each in LONG if nodeid.startswith(each)), _file(nodeid))


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Folders | None:
    """In the place of `--dist loadfile`; whoever asks for another way gets it."""
    return Folders(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first, so that no process of two is left with it."""
    items.sort(key=lambda each: not each.nodeid.startswith(LONG))
