"""Rows are acted upon only once they passed the log's end, and while they keep up."""

from hypothesis import given
from hypothesis import strategies as st

from streams.freshness import STALE_S, Freshness

HERE = ("events", 0)


class Watch:
    def __init__(self) -> None:
        self.now = 100.0
        self.fresh = Freshness(lambda: self.now)

    def see(self, end: int) -> None:
        self.fresh.raise_bar({HERE: end})

    def at(self, position: int) -> bool:
        return self.fresh.may_act({HERE: position})


def test_nothing_before_the_broker_was_asked() -> None:
    watch = Watch()

    assert watch.fresh.due()
    assert not watch.at(10**9)


def test_the_end_seen_at_start_must_be_passed_however_long_it_takes() -> None:
    watch = Watch()
    watch.see(50)

    assert not watch.at(49)
    watch.now += 3600
    assert not watch.at(49)
    assert not watch.fresh.due()
    assert watch.at(50)


def test_a_partition_without_a_position_counts_as_unread() -> None:
    watch = Watch()
    watch.see(1)

    assert not watch.fresh.may_act({})


def test_an_empty_log_is_passed_at_once() -> None:
    watch = Watch()
    watch.see(0)

    assert watch.fresh.may_act({})


def test_rows_that_stop_moving_are_stale_after_five_seconds() -> None:
    watch = Watch()
    watch.see(50)
    assert watch.at(50)
    watch.now += STALE_S
    assert watch.fresh.due()
    watch.see(60)

    assert watch.at(59)
    watch.now += STALE_S
    assert not watch.at(59)
    assert watch.at(60)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 20)), max_size=40))
def test_it_never_acts_on_rows_that_never_passed_the_first_end(
    steps: list[tuple[float, int]],
) -> None:
    watch = Watch()
    watch.see(21)

    for pause, position in steps:
        watch.now += pause
        assert not watch.at(position)
