"""A process dies at each fault point once; nothing is lost, doubled or divergent."""

import pytest

from streams.faults import POINTS
from tests.faults import drive, planted, troubles
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(600)

# Families whose roles die side by side, so that the whole takes minutes.
GROUPS = (
    ("decider", "sink", "api"),
    ("projector", "reactor", "inbound", "auditor"),
    ("dispatcher", "worker", "publish"),
    ("rebuild",),
)
# The others are for `make faults`.
SOME = (
    "restart kafka",
    "restart postgres",
    "away clickhouse",
    "cut kafka silent",
    "zombie decider.sent",
    "zombie sink.planned",
)


def points_of(families: tuple[str, ...]) -> list[str]:
    return [each for each in POINTS if each.partition(".")[0] in families]


def test_every_family_of_points_has_a_group() -> None:
    together = [point for group in GROUPS for point in points_of(group)]

    assert sorted(together) == sorted(POINTS)


@pytest.mark.parametrize("families", GROUPS, ids="-".join)
def test_a_death_at_each_point_leaves_no_trace(
    rig: Rig, families: tuple[str, ...]
) -> None:
    kills = drive.run(rig, points_of(families))

    assert [each for each in kills if not each.reached] == []
    assert {each.point for each in kills} >= set(points_of(families))
    assert rig.verdict(calm=False).all == []


@pytest.mark.parametrize("name", SOME)
def test_a_trouble_of_a_server_or_a_zombie_leaves_no_trace(rig: Rig, name: str) -> None:
    rig.traffic.go()
    troubles.TROUBLES[name](rig)

    assert rig.verdict(calm=False).all == []


@pytest.mark.parametrize("bug", list(planted.BUGS))
def test_a_planted_bug_is_found(rig: Rig, bug: str) -> None:
    """Histories are random: one of three must be enough to feel it."""
    assert any(planted.findings(rig, bug) > 0 for _ in range(3))


def test_the_oracle_sees_a_row_that_was_changed_behind_its_back(rig: Rig) -> None:
    rig.settle()
    (version,) = rig.postgres.versions()["projects"][-1:]
    rig.postgres.spoil(f"rm_projects_v{version}", "projects", "name")

    assert any("spoilt" in each for each in rig.verdict(calm=False).divergent)
