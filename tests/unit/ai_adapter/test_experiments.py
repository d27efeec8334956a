"""Assignment: sticky, replayable, by weight, and nobody takes part by mistake."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_adapter.base import Ask, Message
from ai_adapter.errors import Refused
from ai_adapter.experiments import Book, Exposure, Running, chosen, dealt
from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.repository import TASKS
from schemas.experiments import Arm

ARMS = (Arm(name="a"), Arm(name="b", weight=3))
ASK = Ask(task="copy", input="a lamp", tenant_id="t", person_id="u", project_id="p")
OURS = Prompt(name="copy", version=2, system="Ours.", owner="tenant")
THEIRS = Prompt(name="copy", version=5, system="Theirs.", owner="p")


def running(**more: object) -> Running:
    given_ = {"id": "e", "prompt": "copy", "arms": ARMS} | more
    return Running(**given_)  # type: ignore[arg-type]  a case names its fields


def test_the_projects_prompt_counts_before_the_tenants_and_the_built_in() -> None:
    both = Book({("p", "copy"): THEIRS, ("", "copy"): OURS})

    assert chosen(both, ASK)[0].prompt == THEIRS
    assert chosen(both, replace(ASK, project_id="q"))[0].prompt == OURS
    assert chosen(Book(), ASK)[0].prompt == TASKS["copy"]
    assert chosen(both, replace(ASK, task="title"))[0].prompt == TASKS["title"]
    with pytest.raises(Refused):
        chosen(both, replace(ASK, tool="no-such-tool"))


@given(subject=st.text(max_size=40), experiment=st.text(max_size=40))
def test_an_assignment_is_dealt_again_alike(subject: str, experiment: str) -> None:
    assert dealt(experiment, subject, ARMS) == dealt(experiment, subject, ARMS)


def test_a_known_assignment_stays_what_it_was() -> None:
    """A change here would move people who are in an experiment to another arm."""
    found = "".join(dealt("e-1", f"person:{n}", ARMS).name for n in range(24))

    assert found == "bbaaabbbabbbbbbbbbbaabba"


def test_arms_are_dealt_by_weight_and_anew_by_each_experiment() -> None:
    subjects = [f"person:{n}" for n in range(20_000)]
    counted = Counter(dealt("e", each, ARMS).name for each in subjects)
    halves = (Arm(name="a"), Arm(name="b"))
    both = sum(
        dealt("e", each, halves).name == dealt("f", each, halves).name
        for each in subjects
    )

    assert abs(counted["b"] / 20_000 - 0.75) < 0.02
    assert abs(both / 20_000 - 0.5) < 0.02


def test_an_arm_changes_what_it_names_and_nothing_else() -> None:
    arm = Arm(name="x", number=7, model="m/x", temperature=0.0, max_tokens=9)
    seven = replace(OURS, version=7)
    one = running(arms=(arm,), prompts={7: seven})
    found, met = chosen(Book({("", "copy"): OURS}, (one,)), ASK)

    assert found.prompt == seven
    assert found.ask == replace(ASK, model="m/x", temperature=0.0, max_tokens=9)
    assert found.arm == "e/x"
    assert met is not None
    assert (met.experiment_id, met.arm) == ("e", "x")


@pytest.mark.parametrize(
    ("experiment", "ask"),
    [
        (running(prompt="title"), ASK),
        (running(project_id="q"), ASK),
        (running(unit="person"), replace(ASK, person_id="")),
        (running(unit="project"), replace(ASK, project_id="")),
        (running(arms=(Arm(name="x", model="m/x"),)), replace(ASK, model="gpt")),
        (running(), replace(ASK, messages=(Message(role="user", content="hi"),))),
    ],
)
def test_an_ask_that_is_not_meant_takes_no_part(experiment: Running, ask: Ask) -> None:
    found, met = chosen(Book({}, (experiment,)), ask)

    assert (found.ask, found.arm, met) == (ask, "", None)


@pytest.mark.parametrize(
    ("unit", "subject"), [("person", "person:u"), ("project", "project:p")]
)
def test_the_subject_is_what_the_plan_says(unit: str, subject: str) -> None:
    _, met = chosen(Book({}, (running(unit=unit),)), ASK)

    assert met == Exposure("e", met.arm if met else "", subject)


def test_a_text_is_the_same_material_alone_and_in_a_list() -> None:
    book = Book({}, (running(),))
    _, alone = chosen(book, ASK)
    _, listed = chosen(book, replace(ASK, input=("a lamp",)))

    assert alone == listed


def test_the_first_started_is_asked_first_and_only_one_is() -> None:
    found, _ = chosen(Book({}, (running(id="one"), running(id="two"))), ASK)

    assert found.arm.startswith("one/")
