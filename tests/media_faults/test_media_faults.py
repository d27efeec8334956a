"""Cells of the fault matrix that stand for the others; `make faults-media` has all."""

from collections.abc import Iterator

import pytest

from infra.settings import Settings
from tests.media_faults.matrix import Matrix, matrix

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def made(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with matrix(stack, tmp_path_factory.mktemp("media")) as opened:
        yield opened


def test_a_killed_worker_leaves_nothing_half_and_nothing_behind(made: Matrix) -> None:
    lines = made.run("SIGKILL of the worker")

    assert [each.said for each in lines] == [[]] * 4
    assert [each.phase for each in lines if not each.good] == []
