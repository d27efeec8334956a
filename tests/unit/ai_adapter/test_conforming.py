"""A JSON text against its schema: what is wrong is named by its place."""

import pytest

from ai_adapter.conforming import faults

PERSON = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]"},
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "maxItems": 2, "items": {"enum": ["a", "b"]}},
    },
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "ann"},
        {"name": "ann", "age": None, "tags": ["a", "b"]},
        {"name": "ann", "age": 3, "tags": []},
    ],
)
def test_what_fits_has_no_faults(value: object) -> None:
    assert list(faults(value, PERSON)) == []


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], "$ is not of type object"),
        ({}, "$/name is missing"),
        ({"name": ""}, "$/name is below"),
        ({"name": "abcdef"}, "$/name is above"),
        ({"name": "Ann"}, "$/name does not match"),
        ({"name": 3}, "$/name is not of type string"),
        ({"name": "a", "age": True}, "$/age is not of type integer or null"),
        ({"name": "a", "age": -1}, "$/age is below"),
        ({"name": "a", "tags": ["c"]}, "$/tags/0 is none"),
        ({"name": "a", "tags": ["a", "b", "a"]}, "$/tags is above"),
        ({"name": "a", "more": 1}, "$/more is not known"),
    ],
)
def test_a_fault_is_named_by_its_place(value: object, place: str) -> None:
    assert next(faults(value, PERSON)).startswith(place)


def test_words_that_are_not_known_are_not_checked() -> None:
    assert list(faults("x", {"type": "date", "format": "date"})) == []
    assert list(faults("x", True)) == []
