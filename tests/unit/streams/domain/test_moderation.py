"""Judgements: programs may think again, a person ends it; own words are short."""

import pytest

from schemas.commands.moderation import DecideModeration, RecordJudgement, SetWords
from schemas.events.moderation import (
    ModerationAccepted,
    ModerationJudged,
    ModerationRejected,
    WordsChanged,
)
from schemas.moderation import Flag
from unit.streams.domain.given import refused, when

FLAG = Flag("国家级", "absolute", "block", "cn-advertising@1")
BLOCK = RecordJudgement("publication", "copy/1", "国家级好茶", "block", flags=(FLAG,))
BLOCKED = ModerationJudged(
    "publication", "copy/1", "国家级好茶", "block", flags=(FLAG,), queued=True
)
ALLOW = RecordJudgement("publication", "copy/1", "好茶", "allow")
RELEASED = ModerationAccepted("A quotation.")


def test_what_is_objected_to_waits_for_a_person() -> None:
    assert when("moderation", BLOCK) == BLOCKED


@pytest.mark.parametrize("sampled", [True, False])
def test_a_harmless_text_waits_only_by_chance(*, sampled: bool) -> None:
    wish = RecordJudgement("output", "job/1", "好茶", "allow", sampled=sampled)
    told = when("moderation", wish)

    assert isinstance(told, ModerationJudged)
    assert told.queued is sampled


def test_the_same_judgement_is_no_news_and_another_is() -> None:
    other = RecordJudgement("publication", "copy/2", "国家级好茶", "allow", by=("x@2",))

    assert when("moderation", BLOCK, BLOCKED) is None
    assert isinstance(when("moderation", other, BLOCKED), ModerationJudged)


def test_a_person_may_change_their_mind_and_no_program_theirs() -> None:
    accept = DecideModeration(True, "A quotation.")
    reject = DecideModeration(False, "It is no quotation.")

    assert when("moderation", accept, BLOCKED) == RELEASED
    assert when("moderation", accept, BLOCKED, RELEASED) is None
    assert when("moderation", reject, BLOCKED, RELEASED) == ModerationRejected(
        "It is no quotation."
    )
    assert when("moderation", BLOCK, BLOCKED, RELEASED) is None


def test_a_decision_needs_a_text_and_a_reason() -> None:
    accept = DecideModeration(True, "A quotation.")

    assert refused("moderation", accept).code == "moderation_missing"
    assert refused("moderation", DecideModeration(True, " "), BLOCKED).pointer == (
        "/reason"
    )


@pytest.mark.parametrize("text", ["", "茶" * 16_001])
def test_a_text_that_cannot_be_shown_is_refused(text: str) -> None:
    wish = RecordJudgement("output", "job/1", text, "allow")
    assert refused("moderation", wish).code == "text_length"


def test_own_words_are_set_as_a_whole() -> None:
    wish = SetWords(("小明茶",), ("首选",))
    told = WordsChanged(("小明茶",), ("首选",))

    assert when("wordlist", wish) == told
    assert when("wordlist", wish, told) is None
    assert when("wordlist", SetWords(), told) == WordsChanged()


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        (SetWords(forbidden=("茶", " ")), "/forbidden/1"),
        (SetWords(allowed=("茶" * 41,)), "/allowed/0"),
        (SetWords(forbidden=("茶",), allowed=("茶",)), "/allowed"),
        (SetWords(forbidden=tuple(map(str, range(501)))), "/forbidden"),
    ],
)
def test_words_of_no_use_are_refused(wish: SetWords, pointer: str) -> None:
    assert refused("wordlist", wish).pointer == pointer
