"""The data set of accepted copies: no personal data, and a version that holds."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from ai_adapter.dataset import Accepted, read, written
from ai_adapter.redaction import redacted

ROW = Accepted(
    id="2",
    at=datetime(2026, 3, 1, tzinfo=UTC),
    task="copy",
    platform="douyin",
    lang="zh",
    brief="call me: 13812345678",
    offered=("夜骑灯", "夜行灯"),
    variant=0,
    accepted="夜行灯 write to lin@example.com",
    model="p/m",
    prompt="copy@1",
    arm="e/b",
)
EARLIER = replace(ROW, id="1", at=datetime(2026, 2, 1, tzinfo=UTC))


def test_lines_are_redacted_ordered_and_the_same_again() -> None:
    text = written([ROW, EARLIER], redacted)
    head, (first, second) = read(text)

    assert (head.rows, first.id, second.id) == (2, "1", "2")
    assert b"13812345678" not in text
    assert b"lin@example.com" not in text
    assert second.changed > 0.5
    assert written([EARLIER, ROW], redacted) == text


def test_what_was_changed_is_counted_before_redaction() -> None:
    kept = replace(ROW, offered=("mail lin@example.com",), accepted="mail a@b.example")
    (row,) = read(written([kept], redacted))[1]

    assert row.accepted == row.offered[0]
    assert row.changed > 0


def test_a_file_that_was_changed_or_is_newer_is_refused() -> None:
    text = written([ROW], redacted)

    with pytest.raises(ValueError, match="not those"):
        read(text.replace("夜行灯".encode(), "夜骑灯".encode()))
    with pytest.raises(ValueError, match="format 9"):
        read(text.replace(b'"format":1', b'"format":9'))
    assert read(written([], redacted))[0].rows == 0
