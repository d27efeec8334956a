"""Sentences of a known script onto runs of speech, and moments inside them."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_agents.subtitles.anchoring import Run, grouped, moment, runs_between
from media_agents.subtitles.listening import silences


def spans(weights: list[float], runs: list[Run]) -> list[tuple[float, float]]:
    return [(each.span.start, each.span.end) for each in grouped(weights, runs)]


def test_each_sentence_takes_the_speech_that_is_as_long() -> None:
    runs = [Run(0, 1), Run(1.5, 4.5), Run(5, 6)]

    assert spans([1, 3, 1], runs) == [(0, 1), (1.5, 4.5), (5, 6)]


def test_a_sentence_with_a_pause_inside_takes_both_runs() -> None:
    runs = [Run(0, 2), Run(2.2, 4.2), Run(5, 7)]

    assert spans([4, 2], runs) == [(0, 4.2), (5, 7)]


def test_sentences_without_a_pause_share_a_run() -> None:
    (first, second) = grouped([1, 1, 2], [Run(0, 2), Run(3, 5)])

    assert (first.first, first.last, second.last) == (0, 2, 3)


def test_a_long_pause_is_rather_between_sentences_than_in_one() -> None:
    runs = [Run(0, 2), Run(2.1, 2.9), Run(3.9, 5.9)]

    assert spans([2.6, 2.2], runs) == [(0, 2.9), (3.9, 5.9)]


WEIGHTS = st.lists(st.floats(0.3, 60), min_size=1, max_size=40)
GAPS = st.lists(
    st.tuples(st.floats(0.1, 9), st.floats(0.05, 3)), min_size=1, max_size=40
)


@given(weights=WEIGHTS, gaps=GAPS)
def test_everything_is_placed_once_and_in_order(
    weights: list[float], gaps: list[tuple[float, float]]
) -> None:
    runs, at = [], 0.0
    for speech, pause in gaps:
        runs.append(Run(at, at + speech))
        at += speech + pause

    found = grouped(weights, runs)

    assert (found[0].first, found[-1].last) == (0, len(weights))
    assert [run for each in found for run in each.runs] == runs
    assert all(a.last == b.first for a, b in pairwise(found))


def test_thousands_of_tiny_sentences_take_no_time() -> None:
    began = time.monotonic()
    runs = [Run(2 * n, 2 * n + 1.5) for n in range(100)]

    assert grouped([0.36] * 20_000, runs)[-1].last == 20_000
    assert grouped([5.0] * 400, [Run(3 * n, 3 * n + 2) for n in range(700)])
    assert time.monotonic() - began < 20


def test_pauses_take_no_words() -> None:
    runs = [Run(1, 2), Run(5, 6)]

    assert [moment(runs, s) for s in (0, 0.5, 1.0, 1.5, 2.0)] == [1, 1.5, 2, 5.5, 6]
    assert moment(runs, 1.0, after=True) == 5


def test_what_is_between_silences_is_speech() -> None:
    assert runs_between([(0, 1), (2, 3)], 5) == [Run(1, 2), Run(3, 5)]
    assert runs_between([(0, 1), (1.01, 5)], 5) == []
    assert runs_between([], 5) == [Run(0, 5)]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("", ()),
        ("lavfi.silence_start=-0.1\nlavfi.silence_end=0.5\n", ((0.0, 0.5),)),
        ("x\nlavfi.silence_start=8\nlavfi.silence_duration=1\n", ((8.0, 9.0),)),
    ],
)
def test_silences_are_read_as_ffmpeg_tells_them(
    told: str, found: tuple[tuple[float, float], ...]
) -> None:
    assert silences(told, 9.0) == found
