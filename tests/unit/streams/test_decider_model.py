"""The real decider under random histories, and the bugs the same driver must find.

`python -m tests.model 20000` runs as many as one likes.
"""

import pytest

from model.driver import history
from model.variants import PLANTED, Variant

HISTORIES = 300
PATIENCE = 2_000


def test_no_history_of_the_real_decider_loses_doubles_or_contradicts() -> None:
    histories = [history(seed) for seed in range(HISTORIES)]

    assert [(seed, bad) for seed, (bad, _) in enumerate(histories) if bad] == []
    worlds = [world for _, world in histories]
    assert sum(world.readbacks for world in worlds) > HISTORIES
    assert sum(world.saved for world in worlds) > HISTORIES
    assert sum(world.fetched for world in worlds) > HISTORIES


@pytest.mark.parametrize("variant", PLANTED, ids=lambda each: each.name)
def test_a_weaker_decider_is_found_out(variant: Variant) -> None:
    assert any(history(seed, variant)[0] for seed in range(PATIENCE))
