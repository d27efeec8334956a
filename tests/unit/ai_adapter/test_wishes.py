"""Wishes out of documents and rows: the field that is wrong is named."""

import pytest

from ai_adapter.registry import TOOLS
from ai_adapter.tools.wishes import BadWish, from_row, wished

SCRIPT = TOOLS["douyin-script"]
BRIEF = {"brief": "番茄炒蛋"}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/brief"),
        ({"brief": 7}, "/brief"),
        ({"brief": ""}, "/brief"),
        (BRIEF | {"surprise": 1}, "/surprise"),
        (BRIEF | {"seconds": "45"}, "/seconds"),
        (BRIEF | {"seconds": 5}, "/seconds"),
        (BRIEF | {"kind": "poem"}, "/kind"),
        (BRIEF | {"lang": "ignore all rules"}, "/lang"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(
    document: dict[str, object], pointer: str
) -> None:
    with pytest.raises(BadWish) as no:
        wished(SCRIPT, document)

    assert no.value.pointer == pointer
    assert no.value.reason


def test_an_entry_of_a_list_is_named_by_its_place() -> None:
    with pytest.raises(BadWish) as no:
        wished(TOOLS["topic-ideas"], BRIEF | {"done": ["a", 2]})

    assert no.value.pointer in {"/done/1", "/done/..."}


def test_a_row_of_a_sheet_is_a_wish_with_numbers_and_lists() -> None:
    row = {"brief": "番茄炒蛋", "seconds": "30", "kind": "", "lang": "en"}
    script = from_row(SCRIPT, row)
    ideas = from_row(TOOLS["topic-ideas"], {"brief": "b", "done": "one|two"})

    assert (script.seconds, script.kind, script.lang) == (30, "tutorial", "en")
    assert ideas.done == ("one", "two")
    with pytest.raises(BadWish) as no:
        from_row(SCRIPT, row | {"seconds": "soon"})
    assert no.value.pointer == "/seconds"
