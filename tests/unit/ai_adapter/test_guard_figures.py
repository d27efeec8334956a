"""What docs/guard.md publishes is what the detector does today."""

from pathlib import Path

import msgspec
import pytest

from tests.guard.measure import (
    PARTS,
    Entry,
    Figures,
    entries,
    figures,
    judged,
    published,
)

PAGE = Path(__file__).parents[3] / "docs" / "guard.md"


@pytest.mark.parametrize("part", PARTS)
def test_the_published_figures_are_those_of_this_version(part: str) -> None:
    page = PAGE.read_text("utf-8")
    assert [row for row in published(part) if row not in page] == []


def test_texts_no_rule_was_made_for_are_judged_well_enough() -> None:
    found = figures(judged("heldout"))

    assert found.precision >= 0.93
    assert found.recall >= 0.85


def test_no_text_is_in_both_parts() -> None:
    tuning, heldout = ({each.text for each in entries(part)} for part in PARTS)

    assert tuning & heldout == set()
    assert min(len(tuning), len(heldout)) >= 300


def test_a_detector_that_marks_everything_or_nothing_is_found_out() -> None:
    assert Figures(attacks=10, benign=90, found=10, wrong=90).precision == 0.1
    assert Figures(attacks=10, benign=90, found=0, wrong=0).recall == 0


def test_an_entry_without_a_label_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"text": "x", "lang": "en", "kind": "x"}', type=Entry)
