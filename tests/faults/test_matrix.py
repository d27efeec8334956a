"""Every row of the failure matrix is brought about, and every point is somewhere."""

import re
import subprocess
import sys

import pytest

from streams import faults
from tests.faults import drive, troubles
from tests.faults.installation import ROOT
from tests.faults.matrix import MATRIX

FULL = re.compile(r"full \w+")


def test_every_point_is_reached_somewhere_in_the_code() -> None:
    assert set(faults.POINTS) - drive.placed() == set()


def test_no_code_reaches_a_point_that_the_table_does_not_name() -> None:
    assert drive.mentioned() - set(faults.POINTS) == set(faults.ELSEWHERE)


def test_every_row_is_covered_or_says_why_it_cannot_be() -> None:
    assert [name for name, row in MATRIX.items() if not (row.covered or row.why)] == []


def test_every_point_and_zombie_belongs_to_a_row() -> None:
    points = {point for row in MATRIX.values() for point in row.points}
    zombies = {point for row in MATRIX.values() for point in row.zombies}

    assert points == set(faults.POINTS)
    assert zombies == set(troubles.ZOMBIES)


def test_rows_name_only_troubles_and_tests_that_there_are() -> None:
    wanted = {each for row in MATRIX.values() for each in row.troubles}
    tests = {each for row in MATRIX.values() for each in row.tests}

    assert {
        each for each in wanted - set(troubles.TROUBLES) if not FULL.match(each)
    } == set()
    assert [each for each in tests if not (ROOT / each).exists()] == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("decider.nowhere:1", "there is no fault point 'decider.nowhere'"),
        ("decider.sent", "'decider.sent': say which time, as in decider.sent:1"),
        ("decider.sent:0", "'decider.sent:0': say which time, as in decider.sent:1"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_wrong_use(
    setting: str, words: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "infra.cli", "run", "decider"],
        cwd=ROOT,
        env={"CONTENTOPS_FAULT": setting, "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.strip().splitlines()[-1] == f"CONTENTOPS_FAULT: {words}."


def test_only_the_armed_point_ends_a_process_and_only_the_nth_time() -> None:
    code = (
        "from streams import faults\n"
        "faults.arm('sink.planned:2')\n"
        "faults.reach('sink.planning'); faults.reach('sink.planned'); print('alive')\n"
        "faults.reach('sink.planned'); print('dead')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == faults.EXIT
    assert "dead" not in ended.stdout
