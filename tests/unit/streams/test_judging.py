"""What counts, what is void and what is parked: each kind of bad record by hand."""

from datetime import timedelta

import pytest
from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from fixtures.fix_records import BEGAN, PARTITIONS, Chronicle
from schemas import registry
from schemas.commands.content import CreateProject
from schemas.envelope import LIMIT_BYTES, Headers, Record, encode
from schemas.events.content import ProjectCreated
from schemas.events.log import LogClaimed
from schemas.observations import MetricsObserved
from schemas.registry import Data, wire_name
from streams.acceptance import CLAIM, Fence
from streams.judging import LONGEST, Unreadable, Void, judge, plain

FENCE = Fence(1, "o1", 0)
NEXT = Fence(1, "o1", 1)
SEEN = MetricsObserved("p", "bilibili", BEGAN, 1, 1, 1, 1)


def project() -> Record[Data]:
    return Chronicle().record(ProjectCreated("x"), "project", "p")


def observed() -> Record[Data]:
    return Chronicle().record(SEEN, "publication", "p")


def message(record: Record[Data], **other: object) -> Message:
    """The record as a consumer gives it, with whatever the test wants in it."""
    value, headers = encode(record)
    said: dict[str, object] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.envelope.key.encode(),
        "value": value,
        "headers": headers,
        "timestamp": (2, int((BEGAN + timedelta(1)).timestamp() * 1000)),
        "error": None,
    }
    return Message(**{**said, **other})


def changed(record: Record[Data], **headers: bytes | None) -> Headers:
    """The record's headers with some replaced, or, as None, left out."""
    found = {**dict(encode(record)[1]), **headers}
    return [(name, value) for name, value in found.items() if value is not None]


def test_a_good_record_is_read_and_moves_the_fence() -> None:
    record = project()

    assert judge(message(record), FENCE, PARTITIONS) == (record, NEXT)


@pytest.mark.parametrize(
    "headers",
    [
        {"ce_id": None},
        {"ce_type": None},
        {"ce_time": b"yesterday"},
        {"ce_sequence": b"many"},
        {"ce_subject": b"\xff\xfe"},
        {"ce_epochowner": b"somebody"},
        {"ce_epoch": b"2"},
        {"ce_epochseq": b"1"},
        {"ce_epochowner": None},
    ],
    ids=str,
)
def test_what_no_owner_of_the_partition_wrote_is_void(
    headers: dict[str, bytes | None],
) -> None:
    record = project()
    bad = message(record, headers=changed(record, **headers))
    found, fence = judge(bad, FENCE, PARTITIONS)

    assert isinstance(found, Void)
    assert fence == FENCE


def test_no_headers_at_all_are_void_too() -> None:
    found, _ = judge(message(project(), headers=None), FENCE, PARTITIONS)

    assert isinstance(found, Void)


BAD = {
    "not JSON": ({"value": b"{"}, "DecodeError"),
    "no UTF-8": ({"value": b'{"name": "\xff"}'}, "DecodeError"),
    "nothing": ({"value": None}, "missing required field"),
    "deeper than any": ({"value": b'{"x":' * 9999 + b"1" + b"}" * 9999}, "Error"),
    "another shape": ({"value": b'{"name": 7}'}, "ValidationError"),
    "a megabyte": ({"value": b'{"name": "' + b"x" * 1_000_000 + b'"}'}, "the limit"),
    "another key": ({"key": b"acme:q"}, "its headers say acme:p"),
    "no key": ({"key": None}, "its headers say acme:p"),
    "another partition": ({"partition": 9}, "belongs into partition"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_its_owner_wrote_and_nobody_can_read_is_parked(name: str) -> None:
    """Under a valid triple: it counts, so it is never skipped."""
    other, reason = BAD[name]
    found, fence = judge(message(project(), **other), FENCE, PARTITIONS)

    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert found.value == other.get("value", found.value)
    assert found.stream == "acme:p"
    assert fence == NEXT


@pytest.mark.parametrize("name", ["project.created.v9", "project.abducted.v1"])
def test_a_type_of_a_newer_build_is_parked(name: str) -> None:
    record = project()
    headers = changed(record, ce_type=f"io.contentops.{name}".encode())
    found, fence = judge(message(record, headers=headers), FENCE, PARTITIONS)

    assert isinstance(found, Unreadable)
    assert "UnknownType" in found.reason
    assert fence == NEXT


@pytest.mark.parametrize("data", [CreateProject("x"), SEEN], ids=["command", "fact"])
def test_what_belongs_on_another_topic_is_parked(data: Data) -> None:
    record = project()
    headers = changed(record, ce_type=wire_name(type(data)).encode())
    value = registry.encode(data)
    found, _ = judge(message(record, headers=headers, value=value), FENCE, PARTITIONS)

    assert isinstance(found, Unreadable)
    assert "does not belong" in found.reason


def test_exactly_the_limit_is_read() -> None:
    record = project()
    body = b'{"name":"' + b"x" * (LIMIT_BYTES - 11) + b'"}'
    found, _ = judge(message(record, value=body), FENCE, PARTITIONS)

    assert len(body) == LIMIT_BYTES
    assert isinstance(found, Record)


def test_where_no_decider_writes_everything_bad_is_parked() -> None:
    record = observed()
    for bad in (
        message(record, headers=None),
        message(record, headers=changed(record, ce_time=b"never")),
        message(record, value=b"nonsense"),
        message(record, key=b"else"),
        message(record, headers=changed(record, ce_type=CLAIM.encode())),
    ):
        found, fence = judge(bad, None, PARTITIONS)
        assert isinstance(found, Unreadable)
        assert found.reason
        assert fence is None
    assert judge(message(record), None, PARTITIONS) == (record, None)


def test_a_claim_needs_no_key_and_may_lie_in_any_partition() -> None:
    record = project()
    headers = changed(record, ce_type=CLAIM.encode(), ce_epoch=b"2")
    value = encode(Chronicle().record(LogClaimed("t"), "project", "p"))[0]
    for partition in range(PARTITIONS):
        claim = message(
            record, headers=headers, value=value, key=None, partition=partition
        )
        found, fence = judge(claim, FENCE, PARTITIONS)
        assert isinstance(found, Record)
        assert fence == Fence(2, "o1", 0)


@given(st.text())
def test_a_stream_can_always_be_stored_and_told_apart(text: str) -> None:
    assert "\x00" not in plain(text)
    assert len(plain(text)) <= LONGEST + 17
    long = "x" * LONGEST
    assert plain(f"{long}a{text}") != plain(f"{long}b{text}")
