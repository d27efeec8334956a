"""One installation for all stories; it ends with them, for it is never quite idle."""

import json
from collections.abc import Callable, Iterator

import pytest

from fixtures.fix_up import Installation, Told
from infra.demo.hosting import hosted
from infra.settings import Settings


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("up") / "data"
    lines: list[str] = []
    say: Callable[[str], None] = lines.append
    with hosted(Settings(data=data, services_loopback=True), say) as running:
        yield Installation(running)
    assert not (data / "run" / "stack.json").exists()
    left = json.loads((data / "run" / "children.json").read_text() or "{}")
    assert left == {}, lines


@pytest.fixture(scope="package")
def told(installation: Installation) -> Told:
    """The demo, told once for every test that asks about it."""
    found = installation.demo()
    assert found.code == 0, found.text
    return found
