"""Every wire name has an example that is read back equal; its broken twins are not."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from schemas import registry
from schemas.registry import TYPES, UnknownType, decode, encode

EXAMPLES = Path(registry.__file__).parent / "examples"
WIRE_NAME = re.compile(r"io\.contentops\.[a-z]+\.[a-z_]+\.v[1-9]\d*")


def example(name: str) -> dict[str, object]:
    found = json.loads((EXAMPLES / f"{name}.json").read_bytes())
    assert isinstance(found, dict)
    return found


def read(name: str, body: dict[str, object]) -> msgspec.Struct:
    return decode(name, json.dumps(body).encode())


def required(name: str) -> list[str]:
    return [
        field.encode_name
        for field in msgspec.structs.fields(TYPES[name])
        if field.required
    ]


def test_there_is_one_example_for_each_wire_name_and_no_other() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == set(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_wire_name_is_a_string_we_own(name: str) -> None:
    assert WIRE_NAME.fullmatch(name)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_is_read_and_written_back_equal(name: str) -> None:
    found = read(name, example(name))

    assert type(found) is TYPES[name]
    assert json.loads(encode(found)) == example(name)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_without_one_required_field_is_refused(name: str) -> None:
    for missing in required(name):
        body = {key: value for key, value in example(name).items() if key != missing}
        with pytest.raises(msgspec.ValidationError, match=missing):
            read(name, body)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_example_with_a_field_of_another_type_is_refused(name: str) -> None:
    for field, value in example(name).items():
        wrong = ["a list"] if isinstance(value, dict) else {"an": "object"}
        with pytest.raises(msgspec.ValidationError):
            read(name, {**example(name), field: wrong})


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_field_of_a_newer_minor_version_is_ignored(name: str) -> None:
    newer = read(name, {**example(name), "a_field_of_tomorrow": [1, 2, 3]})

    assert newer == read(name, example(name))


@pytest.mark.parametrize("name", sorted(TYPES))
def test_the_body_of_another_type_is_refused(name: str) -> None:
    other = "io.contentops.log.claimed.v1"
    if name == other:
        other = "io.contentops.log.rejected.v1"
    with pytest.raises(msgspec.ValidationError):
        read(name, example(other))


def test_a_type_of_a_newer_build_is_named() -> None:
    with pytest.raises(UnknownType, match=r"io\.contentops\.copy\.sung\.v1"):
        decode("io.contentops.copy.sung.v1", b"{}")


def test_bytes_that_are_no_json_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode("io.contentops.project.created.v1", b"{")
