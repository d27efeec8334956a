"""Ids follow from their cause: golden values that may never change."""

from hypothesis import given
from hypothesis import strategies as st

from schemas import ids


def test_ids_keep_the_values_they_always_had() -> None:
    command = ids.command_id("t_7h2", "key:1", "order-7")

    assert command == "c96e92f8-5120-5721-9098-e7e6a451d070"
    assert ids.event_id(command) == "2395e22c-3d37-5818-a8ae-f613c7b673b3"
    assert ids.created_id(command, "asset") == "26fce696-6afc-520b-9ebc-a8ec9e273cf3"
    assert (
        ids.account_id("t_7h2", "bilibili", "42")
        == "bab143f9-0649-556d-8312-f5e37aaa17c1"
    )
    assert (
        ids.observation_id("bilibili", "msg-1")
        == "76b89082-71ce-5131-a20e-c1ab2e9c8758"
    )
    assert (
        ids.reaction_id("e", "probe", "t:1", "io.x", "m")
        == "1f615ed0-a147-58cd-bd71-f08117a33d5c"
    )


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_different_parts_give_different_ids(first: list[str], other: list[str]) -> None:
    assert (ids.derived(*first) == ids.derived(*other)) == (first == other)


def test_where_one_part_ends_matters() -> None:
    assert ids.derived("a", "bc") != ids.derived("ab", "c")
    assert ids.stream_key("t", "1") == "t:1"
