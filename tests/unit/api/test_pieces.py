"""The small rules of the edge: positions, links, times, pointers, pages, masks."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api import pages, positions
from api.bodies import canonical, storable
from api.explain import Node, in_causal_order
from api.headers import Preference, expected_version, preference
from api.links import Link, sign, verify
from api.problems import Problem, pointer_of, to_camel_pointer
from api.routes.landing_pages import code_of
from api.routes.watch import rewritten
from api.rows import read_cursor, write_cursor
from api.schedules import schedule, until
from api.uploads import part_size
from projections.leads.query import masked

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = b"k" * 32
places = st.dictionaries(
    st.tuples(st.text(max_size=40), st.integers(0, 100)), st.integers(-1, 2**60)
)


@given(places)
def test_a_position_comes_back_as_it_went(vector: dict[tuple[str, int], int]) -> None:
    assume(all(storable(topic) for topic, _ in vector))
    assert positions.decode(positions.encode(vector, NOW)).places == vector


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_positions(text: str) -> None:
    try:
        positions.decode(text)
    except positions.NotAToken:
        return


def test_the_later_of_two_positions_wins_place_by_place() -> None:
    one, two = {("a", 0): 5, ("b", 0): 1}, {("a", 0): 3, ("c", 1): 0}

    assert positions.merged(one, two) == {("a", 0): 5, ("b", 0): 1, ("c", 1): 0}


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader_of_links(text: str) -> None:
    with pytest.raises(Problem) as refused:
        verify(KEY, text, 0)
    assert refused.value.status == 403


def test_a_link_is_good_until_its_end_and_for_its_key() -> None:
    token = sign(KEY, Link("acme", "video", 100))

    assert verify(KEY, token, 100) == Link("acme", "video", 100)
    for key, now in ((KEY, 101), (b"x" * 32, 100)):
        with pytest.raises(Problem):
            verify(key, token, now)


def test_without_a_wish_it_is_now() -> None:
    assert schedule(None, None, NOW).at == NOW


def test_a_local_time_becomes_its_instant() -> None:
    found = schedule("2026-11-24T09:30:00", "Asia/Shanghai", NOW)

    assert found.at == datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
    assert (found.local, found.timezone) == ("2026-11-24T09:30:00", "Asia/Shanghai")


def test_of_a_time_that_comes_twice_the_first_counts() -> None:
    found = schedule("2027-10-31T02:30:00", "Europe/Berlin", NOW)

    assert found.at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "pointer"),
    [
        ("2027-03-28T02:30:00", "Europe/Berlin", "/scheduleAt"),
        ("2026-11-23T07:59:00Z", None, "/scheduleAt"),
        ("2028-11-23T07:59:00Z", None, "/scheduleAt"),
        ("0001-01-01T00:00:00", "Asia/Shanghai", "/scheduleAt"),
        ("9999-12-31T23:59:59+00:00", None, "/scheduleAt"),
        ("tomorrow", None, "/scheduleAt"),
        ("2026-11-24T09:30:00", None, "/timezone"),
        (None, "Nowhere/Land", "/timezone"),
        (None, "/etc/passwd", "/timezone"),
        (None, "a\0b", "/timezone"),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    at: str | None, zone: str | None, pointer: str
) -> None:
    with pytest.raises(Problem) as refused:
        schedule(at, zone, NOW)
    assert refused.value.status == 422
    assert refused.value.faults[0].pointer == pointer


@given(st.text(max_size=30), st.one_of(st.none(), st.text(max_size=30)))
def test_no_text_breaks_the_reader_of_times(at: str, zone: str | None) -> None:
    try:
        found = schedule(at, zone, NOW)
    except Problem:
        return
    assert NOW <= found.at <= NOW + timedelta(days=366)


def test_a_publication_may_say_when_it_is_too_late() -> None:
    planned = schedule("2026-11-24T09:30:00", "Asia/Shanghai", NOW)

    assert until(planned, None, None) == planned
    last = until(planned, "2026-11-24T11:00:00", "Asia/Shanghai").not_after
    assert last == datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "field"),
    [
        ("2026-11-24T01:30:00Z", "/notAfter"),
        ("soon", "/notAfter"),
        ("2026-11-24T09:31:00", "/timezone"),
    ],
)
def test_too_late_before_the_time_itself_is_refused(last: str, field: str) -> None:
    planned = schedule("2026-11-24T01:30:00Z", None, NOW)

    with pytest.raises(Problem) as refused:
        until(planned, last, None)
    assert (refused.value.status, refused.value.faults[0].pointer) == (422, field)


def texts(found: object) -> list[str]:
    if isinstance(found, list):
        return [text for each in found for text in texts(each)]
    if isinstance(found, dict):
        return [*found, *texts(list(found.values()))]
    return [found] if isinstance(found, str) else []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_equal_documents_have_one_canonical_form(found: object) -> None:
    one = json.dumps(found, indent=2).encode()
    two = json.dumps(found, separators=(",", ":")).encode()
    try:
        assert canonical(one) == canonical(two)
    except Problem:
        assert not all(storable(text) for text in texts(found))


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        (("body", "title"), "/title"),
        (("body", "tags", 0), "/tags/0"),
        (("body", "a/b~c"), "/a~1b~0c"),
        (("query", "limit"), "/query/limit"),
        ((), ""),
    ],
)
def test_pointers_name_the_place(place: tuple[str | int, ...], pointer: str) -> None:
    assert pointer_of(place) == pointer


def test_fields_of_commands_are_told_as_json_spells_them() -> None:
    assert to_camel_pointer("/copy_id") == "/copyId"
    assert to_camel_pointer("") == ""


@given(st.text(), st.text(), st.text())
def test_no_text_gets_into_a_page_unescaped(
    title: str, action: str, nonce: str
) -> None:
    bad = "<script>\"'</script>"
    assume(storable(title + action + nonce))

    shown = bytes(pages.landing(title + bad, action + bad, nonce + bad).body).decode()

    assert bad not in shown
    assert "<script" not in shown


@pytest.mark.parametrize("value", ["", "1", "1234", "13800138000", "林晓林晓林"])
def test_a_masked_value_shows_at_most_two_characters(value: str) -> None:
    shown = masked(value)

    assert "***" in shown
    assert len(shown.replace("*", "")) <= 2


def test_playlists_are_rewritten_name_by_name() -> None:
    text = '#EXT-X-MAP:URI="v.mp4",BYTERANGE="4@0"\n#EXTINF:2,\nv.mp4\nother.m3u8\n'

    assert rewritten(text, {"v.mp4": "https://s/v?a=1&b=2"}) == (
        '#EXT-X-MAP:URI="https://s/v?a=1&b=2",BYTERANGE="4@0"\n'
        "#EXTINF:2,\nhttps://s/v?a=1&b=2\nother.m3u8\n"
    )


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        ("", Preference()),
        ("wait=3", Preference(wait_s=3)),
        ("wait=900", Preference(wait_s=10)),
        ("respond-async", Preference(at_once=True)),
        ("respond-async, wait=2", Preference(wait_s=2, at_once=True)),
        ("wait=soon", Preference()),
    ],
)
def test_preferences_are_read_and_capped(header: str, wish: Preference) -> None:
    assert preference(header) == wish


@pytest.mark.parametrize(
    ("header", "version"), [(None, None), ("*", None), ('"3"', 3), ('W/"v12"', 12)]
)
def test_etags_are_versions(header: str | None, version: int | None) -> None:
    assert expected_version(header) == version


@given(st.integers(1, 1 << 45))
def test_parts_are_never_more_than_a_store_takes(size: int) -> None:
    assert -(-size // part_size(size)) <= 10_000


def test_a_cursor_comes_back_as_it_went() -> None:
    text = write_cursor({"created_at": NOW, "id": "a"})

    assert read_cursor(text) == [NOW, "a"]


@pytest.mark.parametrize("text", ["", "x", "W10=", "WyJub3ciLCAiYSJd", "é"])
def test_a_cursor_of_nobody_is_422(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor(text)
    assert refused.value.status == 422


def test_a_code_is_short_and_follows_from_the_page() -> None:
    assert code_of("page-1") == code_of("page-1") != code_of("page-2")
    assert code_of("page-1").isalnum()
    assert len(code_of("page-1")) == 16


def node(key: str, second: int, *causes: str) -> Node:
    at = NOW + timedelta(seconds=second)
    return Node(id=key, at=at, causes=list(causes))


def test_causes_come_before_effects_whatever_the_clocks_say() -> None:
    chain = [node("c", 0, "b"), node("b", 5, "a"), node("a", 9), node("x", 1, "gone")]

    assert [each.id for each in in_causal_order(chain)] == ["x", "a", "b", "c"]


def test_a_circle_does_not_hang() -> None:
    circle = [node("a", 1, "b"), node("b", 2, "a")]

    assert [each.id for each in in_causal_order(circle)] == ["a", "b"]
