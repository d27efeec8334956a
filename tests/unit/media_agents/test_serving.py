"""As what files are served."""

import pytest

from media_agents.serving import (
    SHOWN,
    UNKNOWN,
    cache_control,
    is_public,
    served_as,
)


@pytest.mark.parametrize(
    ("kind", "container", "served"),
    [
        ("video", "mp4", "video/mp4"),
        ("video", "mov", "video/quicktime"),
        ("video", "matroska", "video/x-matroska"),
        ("audio", "mp3", "audio/mpeg"),
        ("image", "PNG", "image/png"),
        ("image", "svg", UNKNOWN),
        ("video", "", UNKNOWN),
        ("text", "html", UNKNOWN),
    ],
)
def test_the_type_is_that_of_what_was_found(
    kind: str, container: str, served: str
) -> None:
    assert served_as(kind, container) == served


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/pdf", "text/xml", UNKNOWN]
)
def test_nothing_that_may_run_is_shown(kind: str) -> None:
    assert kind not in SHOWN


@pytest.mark.parametrize(
    ("key", "public"),
    [
        ("t/public/v/a-0a1b.mp4", True),
        ("t/videos/v/a.mp4", False),
        ("public/videos/a.mp4", False),
        ("t/assets/public/a.mp4", False),
        ("public", False),
    ],
)
def test_where_it_lies_decides_who_may_have_it(key: str, *, public: bool) -> None:
    assert is_public(key) is public
    assert cache_control(key).startswith("public" if public else "private")
