"""Policies: versions are added, never changed, and a label moves over them."""

import pytest

from schemas.commands.policy import LabelPolicy, WritePolicy
from schemas.events.policy import PolicyLabelled, PolicyWritten
from unit.streams.domain.given import refused, when

FIRST = PolicyWritten("house", 1, "{}")
SECOND = PolicyWritten("house", 2, '{"a":1}')
LIVE = PolicyLabelled("house", 1)


def test_versions_are_numbered_and_the_same_document_is_no_new_one() -> None:
    assert when("policy", WritePolicy("house", "{}")) == FIRST
    assert when("policy", WritePolicy("house", "{}"), FIRST) is None
    assert when("policy", WritePolicy("house", '{"a":1}'), FIRST) == SECOND


def test_the_label_moves_and_tells_where_it_was() -> None:
    assert when("policy", LabelPolicy(1), FIRST) == LIVE
    assert when("policy", LabelPolicy(1), FIRST, LIVE) is None
    moved = when("policy", LabelPolicy(2), FIRST, SECOND, LIVE)
    assert moved == PolicyLabelled("house", 2, before=1)
    off = when("policy", LabelPolicy(0), FIRST, LIVE)
    assert off == PolicyLabelled("", 0, before=1)


def test_a_version_may_have_another_name() -> None:
    other = when("policy", WritePolicy("summer", "{}"), FIRST)

    assert other == PolicyWritten("summer", 2, "{}")


def test_what_is_not_there_cannot_count() -> None:
    assert refused("policy", LabelPolicy(1)).kind == "missing"
    assert refused("policy", LabelPolicy(2), FIRST).kind == "missing"
    assert refused("policy", LabelPolicy(-1), FIRST).kind == "missing"
    assert refused("policy", LabelPolicy(1, "best"), FIRST).pointer == "/label"


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        (WritePolicy("", "{}"), "/name"),
        (WritePolicy("x" * 81, "{}"), "/name"),
        (WritePolicy("house", "{"), "/document"),
        (WritePolicy("house", "[]"), "/document"),
        (WritePolicy("house", '{"a":"' + "x" * 16_384 + '"}'), "/document"),
    ],
)
def test_a_bad_document_names_the_field(command: WritePolicy, pointer: str) -> None:
    assert refused("policy", command).pointer == pointer
