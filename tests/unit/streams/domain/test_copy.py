"""Copies: every text is a version, and an approval is for one of them."""

from datetime import UTC, datetime

from msgspec import structs

from schemas.commands import content as wish
from schemas.commands.publication import RefusePublication, SchedulePublication
from schemas.events import content as fact
from schemas.events import publication as shown
from schemas.generation import Generated, Usage
from schemas.jobs import Evidence, Schedule
from unit.streams.domain.given import after, refused, when

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ASKED = fact.CopyRequested("p", "v", "copy", "douyin", "brief")
MADE = fact.CopyGenerated("j", ("one", "two"), "p", "m", Usage(), True, "h", "1")
YES = fact.CopyApproved(0, "one", 1)
USED = fact.CopyUsed("pub")
EDITED = fact.CopyRevised(3, "edit", "mine", "zh", 2, uses=("pub",))


def test_an_edit_is_a_version_and_ends_the_approval() -> None:
    edit = wish.EditCopy("mine")

    assert when("copy", edit, ASKED, MADE, YES, USED) == EDITED
    assert when("copy", edit, ASKED, MADE, YES, USED, EDITED) is None
    again = when("copy", wish.ApproveCopy(number=3), ASKED, MADE, YES, USED, EDITED)
    assert again == fact.CopyApproved(0, "mine", 3)


def test_an_old_text_comes_back_as_the_newest_version() -> None:
    back = when("copy", wish.RestoreCopy(1), ASKED, MADE, EDITED)

    assert back == fact.CopyRevised(4, "restore", "one", "zh", 1)
    assert refused("copy", wish.RestoreCopy(9), ASKED, MADE).kind == "missing"


def test_a_translation_is_asked_for_once_and_becomes_a_version() -> None:
    asked = when("copy", wish.TranslateCopy("en"), ASKED, MADE, EDITED)
    assert asked == fact.CopyTranslationRequested(3, "mine", "en", "p", "douyin")
    before = (ASKED, MADE, EDITED, asked)
    assert when("copy", wish.TranslateCopy("en"), *before) is None
    assert refused("copy", wish.TranslateCopy("ja"), *before).code == "copy_in_work"

    answer = Generated("translate", ("my own",), Usage(), "p", "m", 1, False, "h", "2")
    record = wish.RecordCopy("k", answer)
    made = when("copy", record, *before)

    assert made == fact.CopyRevised(
        4, "translation", "my own", "en", 3, "p", "m", "2", "k"
    )
    assert when("copy", record, *before, made) is None


def test_a_translation_that_fails_leaves_the_copy_as_it_was() -> None:
    asked = fact.CopyTranslationRequested(1, "one", "en")
    no = when("copy", wish.FailCopy("k", "c", "r"), ASKED, MADE, YES, asked)
    assert no == fact.CopyFailed("k", "c", "r", translation=True)

    again = when("copy", wish.TranslateCopy("en"), ASKED, MADE, YES, asked, no)

    assert isinstance(again, fact.CopyTranslationRequested)
    assert after("copy", ASKED, MADE, YES, asked, no) == after("copy", ASKED, MADE, YES)


def test_a_publication_with_another_text_is_told_so() -> None:
    plan = wish.UseCopy("pub", "one")

    assert when("copy", plan, ASKED, MADE, YES) == USED
    assert when("copy", plan, ASKED, MADE, YES, USED) is None
    late = when("copy", plan, ASKED, MADE, YES, EDITED)
    assert late == fact.CopyUsed("pub", changed=True)


def test_texts_have_a_length_and_nothing_is_made_of_nothing() -> None:
    assert refused("copy", wish.EditCopy(" "), ASKED, MADE).pointer == "/text"
    assert refused("copy", wish.EditCopy("x" * 20_001), ASKED, MADE).kind == "invalid"
    assert refused("copy", wish.EditCopy("x"), ASKED).code == "copy_not_ready"


def test_an_approval_from_before_versions_had_numbers_still_counts() -> None:
    old = fact.CopyApproved(0, "by hand")
    found = when("copy", wish.RestoreCopy(3), ASKED, MADE, old, EDITED)

    assert isinstance(found, fact.CopyRevised)
    assert found.text == "by hand"


def test_what_was_planned_with_the_old_text_does_not_go_out() -> None:
    schedule = Schedule(NOW, "2026-03-01T08:00", "Asia/Shanghai")
    proof = Evidence("x", "e", 1)
    plan = shown.PublicationPlanned(
        "p", "v", "a", "douyin", "direct", "t", "one", (), "m", "c", "copy",
        schedule, proof, proof,
    )  # fmt: skip
    granted = shown.PublicationScheduled(NOW)
    hold = RefusePublication("copy_changed", "It changed.")
    held = shown.PublicationRefused("copy_changed", "It changed.", "a")

    assert when("publication", hold, plan) == held
    assert when("publication", hold, plan, granted) == held
    assert when("publication", hold, plan, granted, held) is None
    assert when("publication", SchedulePublication(), plan, held) is None
    other = structs.replace(hold, code="duplicate_material")
    assert when("publication", other, plan, granted) is None
