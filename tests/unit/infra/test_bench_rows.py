"""The table of figures: reached, missed, and not measured at all."""

from tests.bench.rows import BARS, rows

SINK = {"sink": {"rows_per_s": 60_000}, "ratio": {"sink_to_loop": 0.5}}


def test_a_figure_is_held_against_its_bar() -> None:
    first, second = rows({"sink": SINK})

    assert (first["measured"], first["reached"]) == ("60000/s", True)
    assert (second["bar"], second["measured"], second["reached"]) == (
        "≥ 0.6×",
        "0.5×",
        False,
    )


def test_a_benchmark_that_failed_reaches_nothing() -> None:
    found = rows({"sink": {"error": "it ended with 1"}})

    assert [each["reached"] for each in found] == [False, False]


def test_every_bar_has_a_name_of_its_own() -> None:
    assert len({each.what for each in BARS}) == len(BARS)
