"""Lengths: each platform counts in its own way, and a cut text is never longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.platforms import Count, fitted, length


@pytest.mark.parametrize(
    ("text", "count", "found"),
    [
        ("番茄炒蛋", "units", 4),
        ("番茄👍", "units", 4),
        ("番茄炒蛋", "halves", 4),
        ("tomato", "halves", 3),
        ("tomato7", "halves", 4),
        ("看 https://example.com/a/very/long/path?x=1", "halves", 12),
        ("👍", "halves", 2),
        ("番茄", "bytes", 6),
        ("", "halves", 0),
    ],
)
def test_a_text_is_as_long_as_the_platform_says(
    text: str, count: Count, found: int
) -> None:
    assert length(text, count) == found


@given(
    text=st.text(max_size=200)
    | st.text(alphabet="番茄a。1 https://x.cn/\n", max_size=200),
    most=st.integers(min_value=0, max_value=120),
    count=st.sampled_from(["units", "halves", "bytes"]),
)
def test_a_fitted_text_is_a_beginning_that_fits(
    text: str, most: int, count: Count
) -> None:
    found = fitted(text, most, count)

    assert length(found, count) <= most
    assert found.strip() in text
    if length(text, count) <= most:
        assert found == text


def test_a_cut_ends_with_a_sentence_where_one_ends_late_enough() -> None:
    assert fitted("先放蛋。再放番茄。最后合在一起十秒钟", 12) == "先放蛋。再放番茄。"
    assert fitted("好。" + "很长的一句话没有句号" * 3, 10) == "好。很长的一句话没有"
