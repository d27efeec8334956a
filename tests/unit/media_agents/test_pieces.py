"""Where a long picture is cut, and how long its encode may take."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from media_agents.pace import FASTEST_S, SLOWEST_S, UNKNOWN_PACE, learned
from media_agents.pieces import at_keys, at_steps, begin, seek
from media_agents.planning import Plan, Rung
from media_agents.timeline import Packet, key_distances
from media_agents.transcode import filter_graph

RATES = ("24000/1001", "25/1", "30000/1001", "30/1", "60/1", "10/1")


def wanted(rate: str, duration_ms: int, *, copies: bool = False) -> Plan:
    return Plan(
        rungs=(Rung("480p", 854, 480, 1_400_000),),
        frame_rate=rate,
        duration_ms=duration_ms,
        video_index=0,
        copies=copies,
        container="mp4",
    )


@given(st.sampled_from(RATES), st.integers(90_000, 20_000_000))
def test_pieces_are_whole_groups_and_leave_nothing_out(rate: str, ms: int) -> None:
    cut = at_steps(wanted(rate, ms), 60)

    group = round(Fraction(rate) * 2)
    assert all(each.frames and each.frames % group == 0 for each in cut[:-1])
    assert cut[-1].frames is None
    for before, after in pairwise(cut):
        assert after.at == before.at + before.seconds
    assert sum(each.seconds for each in cut) == Fraction(ms, 1000)
    assert all(25 < each.seconds < 95 for each in cut)


@given(st.lists(st.tuples(st.integers(1, 240), st.booleans()), min_size=2))
def test_at_key_frames_every_frame_is_in_one_piece(
    groups: list[tuple[int, bool]],
) -> None:
    times, at = [], Fraction(0)
    for frames, _ in groups:
        times.append((at, frames))
        at += Fraction(frames, 25)
    cut = at_keys(times, int(at * 1000), 10)

    inner = sum(each.frames or 0 for each in cut[:-1])
    left = sum(frames for start, frames in times if start >= cut[-1].at)
    assert inner + left == sum(frames for frames, _ in groups)
    assert {each.at for each in cut} <= {start for start, _ in times}


def test_frames_are_counted_from_key_to_key_in_the_order_they_are_shown() -> None:
    shown = [(0.2, True), (0.28, False), (0.24, False), (0.32, True), (0.36, False)]
    packets = [Packet(at, 0.04, 10, key, hidden=False) for at, key in shown]

    assert key_distances(packets) == [(Fraction(0), 3), (Fraction("0.12"), 2)]


def test_a_cut_is_decoded_from_a_second_earlier_and_counts_from_zero() -> None:
    first, second = at_steps(wanted("25/1", 120_000), 60)

    assert seek(first)[-1] == "0.000000"
    assert seek(second)[-1] == "59.000000"
    plan = wanted("25/1", 120_000)
    assert begin(second, plan) == ["fps=25/1:start_time=60.000000"]


def test_what_is_drawn_on_a_piece_follows_the_clock_of_the_whole() -> None:
    plan = replace(wanted("25/1", 120_000), burnt="a" * 64)
    _, second = at_steps(plan, 60)
    drawn = "ass=filename=/f/burn.ass"
    chains = filter_graph(plan, Path("/f"), second).split(";")
    ends = [each for each in chains if drawn in each]

    assert len(ends) == len(plan.encoded)
    assert all(each.index(drawn) < each.index("setpts=PTS-STARTPTS") for each in ends)
    assert "setpts" not in filter_graph(plan, Path("/f"))


def test_the_time_limit_follows_what_encodes_needed() -> None:
    assert learned([1.0] * 19) == UNKNOWN_PACE
    assert learned([2.0] * 100).seconds == 8.0
    assert learned([0.01] * 100).seconds == FASTEST_S
    assert learned([500.0] * 100).seconds == SLOWEST_S
    # One in twenty may be slower than ever before without moving the limit.
    assert learned([2.0] * 98 + [400.0] * 2).seconds == 8.0


@pytest.mark.parametrize("weighted", [0.0, 10.0])
def test_a_time_limit_grows_with_the_work(weighted: float) -> None:
    pace = learned([2.0] * 100)
    assert pace.budget(10, weighted) == 120 + 8 * weighted + 20
