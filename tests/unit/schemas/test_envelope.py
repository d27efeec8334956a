"""Envelope headers: what is written is read back, and what is missing is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope, registry
from schemas.commands.content import CreateProject
from schemas.envelope import Envelope, Malformed, TooLarge, read_headers

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
SOME = TEXT.filter(bool)
MOMENT = st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NUMBER = st.integers(min_value=0, max_value=2**63 - 1)
ENVELOPES = st.builds(
    Envelope,
    id=SOME,
    type=st.sampled_from(sorted(registry.TYPES)),
    subject=SOME,
    tenant=SOME,
    time=MOMENT,
    source=SOME,
    recorded=st.none() | MOMENT,
    key=TEXT,
    sequence=NUMBER,
    epoch=NUMBER,
    owner=SOME,
    n=NUMBER,
    command_offset=st.integers(min_value=-1, max_value=2**63 - 1),
    correlation=TEXT,
    causation=TEXT,
    cause=TEXT,
    auth_id=TEXT,
    body_mac=TEXT,
    traceparent=TEXT,
    expected_version=st.none() | NUMBER,
)
WHOLE = Envelope(
    id="1",
    type="io.contentops.project.created.v1",
    subject="project/1",
    tenant="t",
    time=datetime(2026, 3, 1, tzinfo=UTC),
)


@given(ENVELOPES)
def test_headers_are_read_back_as_they_were_written(written: Envelope) -> None:
    assert read_headers(envelope.headers(written)) == written


@given(st.lists(st.tuples(st.text(), st.none() | st.text() | st.binary())))
def test_any_headers_are_read_or_malformed(
    pairs: list[tuple[str, str | bytes | None]],
) -> None:
    try:
        read_headers([*envelope.headers(WHOLE), *pairs])
    except Malformed:
        return


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_type", "ce_subject", "ce_tenantid", "ce_time"]
)
def test_a_record_without_a_required_header_is_malformed(name: str) -> None:
    pairs = [pair for pair in envelope.headers(WHOLE) if pair[0] != name]
    with pytest.raises(Malformed, match="missing"):
        read_headers(pairs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_sequence", b"one"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-01T08:00:00"),
        ("ce_tenantid", b"\xff"),
    ],
)
def test_a_header_that_is_no_number_or_time_is_named(name: str, value: bytes) -> None:
    with pytest.raises(Malformed, match=name):
        read_headers([*envelope.headers(WHOLE), (name, value)])


def test_a_time_of_another_zone_is_written_as_utc() -> None:
    later = WHOLE.time + timedelta(microseconds=7)
    assert envelope.stamp(later) == "2026-03-01T00:00:00.000007Z"


def test_a_body_above_the_limit_is_refused() -> None:
    record = envelope.command(
        CreateProject(name="x" * envelope.LIMIT_BYTES),
        tenant="t",
        aggregate_id="1",
        id="c",
        time=WHOLE.time,
    )
    with pytest.raises(TooLarge):
        envelope.encode(record)


def test_a_command_is_addressed_to_its_stream() -> None:
    record = envelope.command(
        CreateProject(name="秋季"),
        tenant="t",
        aggregate_id="1",
        id="c",
        time=WHOLE.time,
    )

    assert record.envelope.key == "t:1"
    assert record.envelope.subject == "project/1"
    assert record.envelope.correlation == "c"
