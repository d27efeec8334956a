"""A process dies at a point of each family; nothing is lost, doubled or divergent.

`make faults` does the same at every point, with every trouble and every planted bug.
"""

import pytest

from streams.faults import POINTS
from tests.faults import drive, planted, troubles
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(600)

SOME_POINTS = (
    "api.appended",
    "decider.sent",
    "projector.written",
    "rebuild.switching",
    "sink.between_tables",
    "reactor.appended",
    "inbound.appended",
    "dispatcher.marked",
    "worker.worked",
    "publish.called",
    "auditor.hashed",
)
SOME_TROUBLES = ("away clickhouse", "cut kafka silent", "zombie decider.sent")
SOME_BUG = "ack_trusted"


def test_every_family_of_points_has_one_here() -> None:
    families = {each.partition(".")[0] for each in POINTS}

    assert {each.partition(".")[0] for each in SOME_POINTS} == families
    assert set(SOME_POINTS) <= set(POINTS)


def test_a_death_in_each_family_leaves_no_trace(rig: Rig) -> None:
    kills = drive.run(rig, SOME_POINTS)

    assert [each for each in kills if not each.reached] == []
    assert {each.point for each in kills} >= set(SOME_POINTS)
    assert rig.verdict(calm=False).all == []


@pytest.mark.parametrize("name", SOME_TROUBLES)
def test_a_trouble_of_a_server_or_a_zombie_leaves_no_trace(rig: Rig, name: str) -> None:
    rig.traffic.go()
    troubles.TROUBLES[name](rig)

    assert rig.verdict(calm=False).all == []


def test_a_planted_bug_is_found(rig: Rig) -> None:
    """Histories are random: one of three must be enough to feel it."""
    assert any(planted.findings(rig, SOME_BUG) > 0 for _ in range(3))


def test_the_oracle_sees_a_row_that_was_changed_behind_its_back(rig: Rig) -> None:
    rig.settle()
    (version,) = rig.postgres.versions()["projects"][-1:]
    rig.postgres.spoil(f"rm_projects_v{version}", "projects", "name")

    assert any("spoilt" in each for each in rig.verdict(calm=False).divergent)
