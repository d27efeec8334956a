"""JSON Schema as far as third-party tools may use it: a small part, checked strictly.

A schema that uses anything else is refused when the tool is registered: what cannot be
checked cannot be promised.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

Schema: TypeAlias = Mapping[str, object]

DEEPEST = 12
_TOLD = {"title", "description", "default", "examples", "$schema", "$id"}
_CHECKED = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
}
_KINDS: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool)
    ),
    "null": lambda value: value is None,
}


class Unsupported(ValueError):
    """A schema uses a word that is not checked here; names the place and the word."""


def check_schema(schema: object, place: str = "", depth: int = 0) -> None:
    """Raises Unsupported; the outermost schema has to be an object's."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        raise Unsupported(f"{place or '/'}: a schema is an object, not too deep.")
    if strange := sorted(set(schema) - _TOLD - _CHECKED):
        raise Unsupported(f"{place}/{strange[0]}: this word is not supported.")
    kind = str(schema.get("type"))
    if kind not in _KINDS or (not depth and kind != "object"):
        raise Unsupported(f"{place}/type: give one type; the whole is an object.")
    for name, inner in _inner(schema):
        check_schema(inner, f"{place}/{name}", depth + 1)


def _inner(schema: Schema) -> Iterator[tuple[str, object]]:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise Unsupported("/properties: this is an object of schemas.")
    for name, each in properties.items():
        yield f"properties/{name}", each
    if "items" in schema:
        yield "items", schema["items"]


def faults(schema: Schema, value: object, place: str = "") -> Iterator[str]:
    """What is wrong with the value, each with its place; nothing where it fits."""
    kind = str(schema.get("type"))
    if not _KINDS[kind](value):
        yield f"{place or '/'} is no {kind}"
        return
    options = schema.get("enum")
    if isinstance(options, list) and value not in options:
        yield f"{place or '/'} is none of the listed values"
    yield from (f"{place or '/'} {said}" for said in _sizes(schema, value))
    if isinstance(value, dict):
        yield from _of_object(schema, value, place)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        inner = schema["items"]
        for at, each in enumerate(value):
            yield from faults(_schema(inner), each, f"{place}/{at}")


def _of_object(
    schema: Schema, value: Mapping[str, object], place: str
) -> Iterator[str]:
    properties = _schema(schema.get("properties", {}))
    required = schema.get("required", [])
    for name in required if isinstance(required, list) else []:
        if name not in value:
            yield f"{place}/{name} is missing"
    for name, each in value.items():
        if name in properties:
            yield from faults(_schema(properties[name]), each, f"{place}/{name}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{place}/{name} is not known"


def _schema(found: object) -> Schema:
    return found if isinstance(found, dict) else {"type": "null"}


def _sizes(schema: Schema, value: object) -> Iterator[str]:
    for least, most, size in (
        ("minLength", "maxLength", len(value) if isinstance(value, str) else None),
        ("minItems", "maxItems", len(value) if isinstance(value, list) else None),
        ("minimum", "maximum", value if isinstance(value, int | float) else None),
    ):
        low, high = schema.get(least), schema.get(most)
        if size is not None and isinstance(low, int | float) and size < low:
            yield f"is below {least} {low}"
        if size is not None and isinstance(high, int | float) and size > high:
            yield f"is above {most} {high}"
