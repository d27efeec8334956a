"""Every wire name has examples that are read back equal; their broken twins are not."""

import json
import re
from collections import defaultdict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.fix_examples import EXAMPLES, FOLDER, body, drawn, text, wire_of
from schemas.commands.content import CreateProject
from schemas.events.content import CopyApproved, ProjectCreated
from schemas.registry import (
    CURRENT,
    REGISTRY,
    TYPES,
    UnknownType,
    Unwritable,
    decode,
    encode,
    wire_name,
)

WIRE_NAME = re.compile(r"io\.contentops\.[a-z]+\.[a-z_]+\.v[1-9]\d*")
EVERY = pytest.mark.parametrize("file", EXAMPLES)
APPROVED = wire_name(CopyApproved)


def read(name: str, found: dict[str, object]) -> msgspec.Struct:
    return decode(name, json.dumps(found).encode())


def as_written(file: str) -> msgspec.Struct:
    """In the version it was written in."""
    return msgspec.json.decode(text(file), type=TYPES[wire_of(file)])


def optional(name: str) -> set[str]:
    fields = msgspec.structs.fields(TYPES[name])
    return {each.encode_name for each in fields if not each.required}


def test_there_is_an_example_for_each_wire_name_and_no_other() -> None:
    assert {wire_of(file) for file in EXAMPLES} == set(TYPES)
    assert {path.stem for path in FOLDER.glob("*.json")} == set(EXAMPLES)


def test_examples_show_each_type_whole_and_at_its_least() -> None:
    shown: dict[str, list[set[str]]] = defaultdict(list)
    for file in EXAMPLES:
        shown[wire_of(file)].append(set(body(file)))

    for name, found in shown.items():
        assert optional(name) <= set().union(*found), f"{name}: add one with all fields"
        least = [each for each in found if not each & optional(name)]
        assert least, f"{name}: add {name}.minimal.json without optional fields"


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_wire_name_is_a_string_we_own(name: str) -> None:
    assert WIRE_NAME.fullmatch(name)


def covers(written: object, told: object) -> bool:
    """What was told is there; a field that came later may be, with its default."""
    if isinstance(told, dict) and isinstance(written, dict):
        return all(
            name in written and covers(written[name], told[name]) for name in told
        )
    if isinstance(told, list) and isinstance(written, list):
        return len(told) == len(written) and all(map(covers, written, told))
    return type(written) is type(told) and written == told


@EVERY
def test_an_example_is_read_and_written_back_equal(file: str) -> None:
    found = as_written(file)
    assert covers(json.loads(encode(found)), body(file))
    assert msgspec.json.decode(encode(found), type=type(found)) == found


@EVERY
def test_an_example_is_read_as_the_newest_version(file: str) -> None:
    assert type(decode(wire_of(file), text(file))) is REGISTRY.newest(wire_of(file))


@EVERY
def test_an_example_without_one_required_field_is_refused(file: str) -> None:
    name = wire_of(file)
    needed = {each.encode_name for each in msgspec.structs.fields(TYPES[name])}
    for missing in needed - optional(name):
        less = {key: value for key, value in body(file).items() if key != missing}
        with pytest.raises(msgspec.ValidationError, match=missing):
            read(name, less)


@EVERY
def test_an_example_with_a_field_of_another_type_is_refused(file: str) -> None:
    for field, value in body(file).items():
        wrong = ["a list"] if isinstance(value, dict) else {"an": "object"}
        with pytest.raises(msgspec.ValidationError):
            read(wire_of(file), {**body(file), field: wrong})


MAPS = frozenset(("rates", "most"))
"""Fields whose value is a map: its names are data, and any may stand there."""


def newer(value: object) -> object:
    """The same with a field of tomorrow in every object, however deep."""
    if isinstance(value, dict):
        inner = {
            name: each if name in MAPS else newer(each) for name, each in value.items()
        }
        return {"a_field_of_tomorrow": {"deep": [1, {}]}, **inner}
    return [newer(each) for each in value] if isinstance(value, list) else value


@EVERY
def test_fields_of_a_newer_minor_version_are_ignored_at_any_depth(file: str) -> None:
    more = newer(body(file))

    assert isinstance(more, dict)
    assert read(wire_of(file), more) == read(wire_of(file), body(file))


@EVERY
def test_the_body_of_another_type_is_refused(file: str) -> None:
    other = "io.contentops.log.claimed.v1"
    if wire_of(file) == other:
        other = "io.contentops.log.rejected.v1"
    with pytest.raises(msgspec.ValidationError):
        read(wire_of(file), body(other))


@EVERY
def test_a_list_is_read_as_no_type(file: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(wire_of(file), json.dumps([body(file)]).encode())


def test_a_type_of_a_newer_build_is_named() -> None:
    with pytest.raises(UnknownType, match=r"io\.contentops\.copy\.sung\.v1"):
        decode("io.contentops.copy.sung.v1", b"{}")


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b'{"variant":NaN,"text":"t"}',
        b'{"variant":1e999,"text":"t"}',
        b'{"variant":1.5,"text":"t"}',
        b'{"variant":"1","text":"t"}',
        b'{"variant":true,"text":"t"}',
        b'{"variant":' + b"9" * 5000 + b',"text":"t"}',
        b'{"variant":1,"text":"\\ud800"}',
        b'{"variant":1,"text":"\xff"}',
        b'{"variant":1,"text":null}',
        b'{"variant":1,"text":"t","later":' + DEEP + b"}",
        b'{"variant":1,"text":' + DEEP + b"}",
        b'\xef\xbb\xbf{"variant":1,"text":"t"}',
        b'{"variant":1,"text":"t"} {}',
    ],
)
def test_a_body_that_is_not_what_it_says_has_one_kind_of_error(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(APPROVED, value)


@given(st.sampled_from(sorted(TYPES)), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(name: str, value: bytes) -> None:
    try:
        decode(name, value)
    except msgspec.DecodeError:
        return


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    """RFC 8259 leaves it open; every reader of ours does the same."""
    found = decode(APPROVED, b'{"variant":1,"variant":2,"text":"t","text":"u"}')

    assert found == CopyApproved(2, "u")


def test_a_value_of_an_enum_that_nobody_knows_is_refused() -> None:
    name = "io.contentops.log.ruled.v1"
    with pytest.raises(msgspec.ValidationError, match="ruling"):
        read(name, {**body(name), "ruling": "shrug"})


def test_an_alternative_that_nobody_knows_is_refused() -> None:
    name = "io.contentops.job.requested.v1"
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'sing'"):
        read(name, {**body(name), "input": {"type": "sing"}})


class Unregistered(msgspec.Struct, tag="io.contentops.project.created.v1"):
    name: str


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (ProjectCreated(name=7), "name"),
        (ProjectCreated(name="\ud800"), "surrogates"),
        (CopyApproved(variant=1.5, text=""), "variant"),
        (CreateProject(name=None), "name"),
        (Unregistered("x"), "not registered"),
    ],
)
def test_what_no_reader_could_read_is_never_written(
    data: msgspec.Struct, why: str
) -> None:
    with pytest.raises(Unwritable, match=why):
        REGISTRY.checked(data)


def test_a_number_that_is_none_is_never_written() -> None:
    """JSON has no NaN: it would be written as null and read as nothing."""
    found = msgspec.convert(
        body("io.contentops.job.completed.v1"),
        TYPES["io.contentops.job.completed.v1"],
    )
    with pytest.raises(Unwritable, match="seconds"):
        REGISTRY.checked(msgspec.structs.replace(found, seconds=float("nan")))


@pytest.mark.parametrize("kind", CURRENT, ids=wire_name)
@given(draw=st.data())
@settings(max_examples=5, deadline=None)
def test_whatever_a_type_allows_is_written_and_read_back_equal(
    kind: type[msgspec.Struct], draw: st.DataObject
) -> None:
    data = draw.draw(drawn(kind))

    assert decode(wire_name(kind), REGISTRY.checked(data)) == data
