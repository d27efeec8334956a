"""How sure a rate, a mean or a difference of two is: 95 % intervals; pure.

Rates: Wilson's score, and Newcombe's hybrid of two of them for a difference (Statistics
in Medicine 17, 1998, methods 3 and 10). Means: Student's t, Welch's for a difference.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, variance

from msgspec import Struct

_Z = NormalDist().inv_cdf(0.975)


class Interval(Struct, frozen=True):
    """`low` and `high` are None where there is too little to say."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def rate(successes: int, n: int) -> Interval:
    """Of `n` yes-or-no outcomes; never leaves 0..1, also for none or all of them."""
    if n == 0:
        return Interval(0)
    p, zz = successes / n, _Z * _Z
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    half = _Z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return Interval(n, p, max(0.0, middle - half), min(1.0, middle + half))


def mean(values: Sequence[float]) -> Interval:
    """Of at least two values; one alone says nothing of how they vary."""
    n = len(values)
    if n < 2:
        return Interval(n, values[0] if values else None)
    centre = fmean(values)
    half = t_quantile(n - 1) * math.sqrt(variance(values, centre) / n)
    return Interval(n, centre, centre - half, centre + half)


def rates_apart(one: Interval, other: Interval) -> Interval:
    """`other` minus `one`, both of `rate`."""
    n = min(one.n, other.n)
    if None in (one.low, one.high, one.value, other.low, other.high, other.value):
        return Interval(n)
    p, low, high = _numbers(one)
    q, lower, higher = _numbers(other)
    down = math.sqrt((q - lower) ** 2 + (high - p) ** 2)
    up = math.sqrt((higher - q) ** 2 + (p - low) ** 2)
    return Interval(n, q - p, q - p - down, q - p + up)


def _numbers(found: Interval) -> tuple[float, float, float]:
    return found.value or 0.0, found.low or 0.0, found.high or 0.0


def means_apart(one: Sequence[float], other: Sequence[float]) -> Interval:
    """`other` minus `one`; their variances need not be alike."""
    n = min(len(one), len(other))
    if n < 2:
        return Interval(n)
    a, b = variance(one) / len(one), variance(other) / len(other)
    apart = fmean(other) - fmean(one)
    if a + b == 0:
        return Interval(n, apart, apart, apart)
    freedom = (a + b) ** 2 / (a * a / (len(one) - 1) + b * b / (len(other) - 1))
    half = t_quantile(freedom) * math.sqrt(a + b)
    return Interval(n, apart, apart - half, apart + half)


def t_quantile(freedom: float) -> float:
    """The 97.5 % point of Student's t; within 0.1 % of the tables from 1 on."""
    low, high = _Z, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_below(middle, freedom) else (low, middle)
    return low


def _t_below(t: float, freedom: float) -> bool:
    """Whether less than 97.5 % lie below; Simpson over the density."""
    steps = 2_000
    width = t / steps
    scale = math.exp(
        math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    ) / math.sqrt(freedom * math.pi)

    def density(x: float) -> float:
        return float(scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2))

    inner = sum((4 if i % 2 else 2) * density(i * width) for i in range(1, steps))
    return 0.5 + width / 3 * (density(0) + inner + density(t)) < 0.975
