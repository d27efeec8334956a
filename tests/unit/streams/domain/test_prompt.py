"""Prompts: versions stay as they are, labels move over them and back again."""

import pytest

from schemas.commands import prompt as wish
from schemas.events import prompt as fact
from schemas.prompts import PromptText, Variable
from streams.domain.prompt import Prompt
from unit.streams.domain.given import after, refused, when

FIRST = PromptText(system="Write.")
SECOND = PromptText(system="Write well.")
MADE = fact.PromptCreated("copy", FIRST)
ADDED = fact.PromptVersionAdded(2, SECOND)


def live(number: int, before: int, *, rolled_back: bool = False) -> fact.PromptLabelled:
    return fact.PromptLabelled("live", number, before, rolled_back)


def test_a_prompt_is_created_once() -> None:
    create = wish.CreatePrompt("copy", FIRST)

    assert when("prompt", create) == MADE
    assert when("prompt", create, MADE) is None
    assert refused("prompt", create, MADE, ADDED).code == "prompt_exists"
    other = wish.CreatePrompt("copy", SECOND)
    assert refused("prompt", other, MADE).code == "prompt_exists"


def test_new_words_are_a_new_version_and_the_draft() -> None:
    add = wish.AddPromptVersion(SECOND)

    assert when("prompt", add, MADE) == ADDED
    assert when("prompt", add, MADE, ADDED) is None
    assert after("prompt", MADE, ADDED) == Prompt(
        "copy", text=SECOND, number=2, draft=2
    )


def test_a_label_moves_and_nothing_else() -> None:
    first = wish.LabelPrompt("live", 1)

    assert when("prompt", first, MADE) == live(1, 0)
    assert when("prompt", first, MADE, live(1, 0)) is None
    assert when("prompt", wish.LabelPrompt("live", 0), MADE, live(1, 0)) == live(0, 1)
    back = fact.PromptLabelled("draft", 1, 2)
    assert when("prompt", wish.LabelPrompt("draft", 1), MADE, ADDED) == back


def test_rolling_back_twice_goes_two_steps_back() -> None:
    three = fact.PromptVersionAdded(3, FIRST)
    told = [MADE, ADDED, three, live(1, 0), live(2, 1), live(3, 2)]
    one = when("prompt", wish.RollBackPrompt(), *told)
    assert one == live(2, 3, rolled_back=True)
    two = when("prompt", wish.RollBackPrompt(), *told, one)
    assert two == live(1, 2, rolled_back=True)

    end = refused("prompt", wish.RollBackPrompt(), *told, one, two)

    assert end.code == "nothing_before"


@pytest.mark.parametrize(
    ("command", "pointer", "code"),
    [
        (wish.LabelPrompt("live", 3), "/number", "version_unknown"),
        (wish.LabelPrompt("live", -1), "/number", "version_unknown"),
        (wish.LabelPrompt("draft", 0), "/number", "version_unknown"),
        (wish.AddPromptVersion(FIRST, "x" * 501), "/note", "note_length"),
        (wish.AddPromptVersion(PromptText(system="{{x}}")), "/system", "slot_unknown"),
        (
            wish.AddPromptVersion(
                PromptText(system="Write.", variables=(Variable(name="X"),))
            ),
            "/variables/0/name",
            "name",
        ),
    ],
)
def test_what_cannot_be_meant_names_the_field(
    command: wish.PromptCommand, pointer: str, code: str
) -> None:
    found = refused("prompt", command, MADE, ADDED)

    assert (found.pointer, found.code) == (pointer, code)
    assert found.detail


def test_nothing_happens_to_a_prompt_that_is_not_there() -> None:
    assert refused("prompt", wish.RollBackPrompt()).code == "prompt_missing"
