"""Reading the log: where to begin, which topic, and how a chain is laid out."""

import io
from datetime import UTC, datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END
from rich.console import Console

from api import positions
from infra.inspect import Fact, path, starts, topic_name, tree
from infra.problem import Stop

TOPIC = "contentops.asset.events.v1"


def fact(id_: str, cause: str = "", *evidence: str) -> Fact:
    return Fact(id_, f"io.contentops.{id_}.v1", f"x/{id_}", "T", "", cause, evidence)


def facts(*given: Fact) -> dict[str, Fact]:
    return {each.id: each for each in given}


def printed(given: dict[str, Fact], event_id: str) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    console.print(tree(given, event_id))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("text", ["asset.events", "asset.events.v1", TOPIC])
def test_a_topic_may_be_named_in_short(text: str) -> None:
    assert topic_name(text) == TOPIC


def test_an_unknown_topic_is_refused_with_those_there_are() -> None:
    with pytest.raises(Stop, match=r"asset\.events") as refused:
        topic_name("asset.evnets")
    assert refused.value.code == 2


def test_reading_begins_at_the_beginning_or_where_it_is_told() -> None:
    token = positions.encode({(TOPIC, 1): 7}, datetime(2026, 3, 1, tzinfo=UTC))

    assert starts("")(TOPIC, 0) == OFFSET_BEGINNING
    assert starts("end")(TOPIC, 0) == OFFSET_END
    assert starts("12")(TOPIC, 3) == 12
    assert starts("2:150")(TOPIC, 2) == 150
    assert starts("2:150")(TOPIC, 1) == OFFSET_END
    assert starts(token)(TOPIC, 1) == 7
    assert starts(token)(TOPIC, 0) == OFFSET_BEGINNING


@pytest.mark.parametrize("text", ["yesterday", "2:", ":5", "-1", "2:x"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(Stop, match="no position"):
        starts(text)


def test_a_chain_is_walked_from_where_it_began() -> None:
    chain = facts(fact("c", "b"), fact("a"), fact("b", "a"))

    assert [each.id for each in path(chain, "c")] == ["a", "b", "c"]


def test_a_circle_ends_the_walk() -> None:
    assert len(path(facts(fact("a", "b"), fact("b", "a")), "a")) == 2


def test_evidence_hangs_below_the_step_that_relied_on_it() -> None:
    chain = facts(fact("plan", "ask", "yes"), fact("ask"), fact("yes", "ask2"))

    lines = printed(chain, "plan")

    assert [line for line in lines if "relied on" in line]
    assert lines.index(next(each for each in lines if "x/yes" in each)) > lines.index(
        next(each for each in lines if "x/plan" in each)
    )


def test_an_event_two_steps_relied_on_is_shown_once() -> None:
    chain = facts(fact("c", "b", "e"), fact("b", "a", "e"), fact("a"), fact("e", "a"))
    lines = printed(chain, "c")
    assert sum("x/e" in line for line in lines) == 1
    assert len([line for line in lines if " x/" in line]) == 4
