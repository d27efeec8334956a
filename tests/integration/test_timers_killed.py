"""Timers that fall due while the dispatcher is killed: each fires once on the log."""

from infra.settings import Settings
from tests.bench.timers import Load, measure


def test_kills_of_the_dispatcher_lose_no_timer_and_double_none(stack: Settings) -> None:
    found = measure(stack, Load(armed=1000, due=201, kills=3))

    assert (found["timers"], found["lost"], found["doubled"]) == (201, 0, 0)
    assert found["ids_per_timer"] == 1
