"""The cheap part of `make torture`: every file that is read without being encoded."""

import pytest

from media_agents.engines.ffmpeg import Engine
from tests.torture.__main__ import Report, Row, run
from tests.torture.cases import DAMAGE, HOSTILE, STILL

NAMES = {each.name for each in (*STILL, *DAMAGE, *HOSTILE)}


async def test_odd_broken_and_hostile_files_get_their_verdicts(engine: Engine) -> None:
    report = await run(NAMES, transcode=False, engine=engine)

    assert [f"{row.name}: {row.said} ({row.reason})" for row in report.wrong] == []
    assert report.requests == 0
    assert len(report.rows) == len(NAMES)


@pytest.mark.parametrize(
    "row",
    [
        Row("a", ("video",), "not_a_video", "", 0.1),
        Row("a", ("not_a_video",), "video", "", 0.1),
        Row("a", ("not_a_video",), "not_a_video", "", 1.1),
        Row("a", ("video",), "video", "", 0.1, "! bad_output: half of it"),
    ],
)
def test_a_wrong_verdict_a_slow_refusal_and_a_bad_result_are_reported(row: Row) -> None:
    assert Report([row], 0).wrong == [row]
    assert not Report([row], 0).right


def test_one_request_is_one_too_many() -> None:
    assert not Report([Row("a", ("video",), "video", "", 0.1)], 1).right
