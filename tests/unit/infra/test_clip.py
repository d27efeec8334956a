"""The clip of the demo: the given one, the free one, or a clear sentence."""

from pathlib import Path

import pytest

from infra.demo.clip import LICENCE, SHA256, find
from infra.problem import Stop


def test_a_given_clip_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.mov"
    path.write_bytes(b"film")

    found = find(path, tmp_path)

    assert (found.size, found.content_type, found.licence) == (4, "video/quicktime", "")


def test_a_clip_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"mine\.mp4") as refused:
        find(tmp_path / "mine.mp4", tmp_path)
    assert refused.value.code == 2


def test_without_one_the_free_film_is_taken_and_its_licence_told(
    tmp_path: Path,
) -> None:
    found = find(None, tmp_path)

    assert found.sha256 == SHA256
    assert found.licence == LICENCE
