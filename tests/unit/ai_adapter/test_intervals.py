"""Intervals against printed tables, and the edit distance against its definition."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.distance import distance, edits
from ai_adapter.intervals import (
    Interval,
    mean,
    means_apart,
    rate,
    rates_apart,
    t_quantile,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilsons_interval_is_the_one_newcombe_prints(
    successes: int, n: int, low: float, high: float
) -> None:
    found = rate(successes, n)

    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090)],
)
def test_newcombes_difference_is_the_one_he_prints(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = rates_apart(rate(*one), rate(*other))

    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


@pytest.mark.parametrize(
    ("freedom", "printed"),
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (1000, 1.962)],
)
def test_students_t_is_the_tables(freedom: float, printed: float) -> None:
    assert t_quantile(freedom) == pytest.approx(printed, rel=1e-3)


def test_a_mean_of_known_numbers_has_its_interval() -> None:
    found = mean([1.0, 2.0, 3.0, 4.0, 5.0])

    assert found.value == 3
    assert found.high == pytest.approx(3 + 2.7764 * math.sqrt(2.5 / 5), rel=1e-3)
    assert means_apart([1, 1], [2, 2]) == Interval(2, 1, 1, 1)


def test_too_little_says_nothing() -> None:
    assert rate(0, 0) == Interval(0)
    assert mean([0.4]) == Interval(1, 0.4)
    assert rates_apart(rate(1, 3), rate(0, 0)).low is None
    assert means_apart([1.0], [1.0, 2.0]).low is None


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    draw = random.Random(7)
    held = 0
    for _ in range(400):
        found = rate(sum(draw.random() < 0.3 for _ in range(60)), 60)
        held += (found.low or 0) <= 0.3 <= (found.high or 0)

    assert 0.93 <= held / 400 <= 0.98


def slowly(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(one=st.text("ab夜骑", max_size=30), other=st.text("ab夜骑", max_size=30))
def test_the_distance_is_levenshteins(one: str, other: str) -> None:
    assert edits(one, other) == slowly(one, other)


def test_the_distance_is_a_share_of_the_longer_text() -> None:
    assert distance("", "") == 0
    assert distance("夜骑灯", "夜骑灯") == 0
    assert distance("夜骑灯", "") == 1
    assert distance("夜骑灯", "夜行灯") == pytest.approx(1 / 3)
