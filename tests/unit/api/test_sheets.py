"""Sheets: good rows become wishes, bad ones are told with row and field."""

import csv
import io
import json

import pytest

from ai_adapter.registry import TOOLS
from api.problems import Problem
from api.sheets import from_csv, from_json, written
from streams.agents.batching import MOST_ROWS

SCRIPT = TOOLS["douyin-script"]
SHEET = """brief,seconds,kind
番茄炒蛋,30,
,20,tutorial
修鞋摊,soon,
夜骑灯,15,poem
探店,,vlog
"""


def test_bad_rows_are_told_and_the_others_go_on() -> None:
    sheet = from_csv(SCRIPT, SHEET.encode("utf-8-sig"))

    assert [row.number for row in sheet.rows] == [1, 5]
    assert json.loads(sheet.rows[1].wish)["kind"] == "vlog"
    assert [(bad.number, bad.pointer) for bad in sheet.bad] == [
        (2, "/brief"),
        (3, "/seconds"),
        (4, "/kind"),
    ]


def test_rows_of_json_are_strict_about_their_types() -> None:
    sheet = from_json(SCRIPT, [{"brief": "a"}, {"brief": "b", "seconds": "30"}])

    assert [(bad.number, bad.pointer) for bad in sheet.bad] == [(2, "/seconds")]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"\xff\xfe", ""),
        (b"", ""),
        (b"\n\n", ""),
        (b"brief,brief\na,b\n", "/brief"),
        (b"brief,colour\na,b\n", "/colour"),
        (b"brief\n", "/rows"),
        (b"brief\n" + b"a\n" * (MOST_ROWS + 1), "/rows"),
        (b'brief\n"open\n', ""),
        (b"brief,seconds\na,1\n", "/rows/0/seconds"),
    ],
)
def test_a_sheet_of_which_nothing_can_be_done_is_refused(
    body: bytes, pointer: str
) -> None:
    with pytest.raises(Problem) as no:
        from_csv(SCRIPT, body)

    assert no.value.status == 422
    assert no.value.faults[0].pointer == pointer
    assert no.value.faults[0].remedy


def test_a_cell_is_never_a_formula_and_lists_are_json() -> None:
    text = written([{"row": 1, "a": "=1+1", "b": ["x"]}, {"row": 2, "c": "好,了"}])
    first, second = csv.DictReader(io.StringIO(text))

    assert (first["a"], first["b"], first["c"]) == ("'=1+1", '["x"]', "")
    assert (second["row"], second["c"]) == ("2", "好,了")
