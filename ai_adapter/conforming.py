"""Whether a JSON text fits a JSON schema: the words that models are given, no more.

Words that are not known here are not checked, so a schema may say more than this.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from ai_adapter.answers import unfenced
from ai_adapter.base import Spent
from ai_adapter.errors import AskAgain

Json: TypeAlias = object
_DEEPEST = 32
_KINDS: Mapping[str, Callable[[Json], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def checked(text: str, schema: bytes, spent: Spent) -> str:
    """The text without a Markdown fence; raises AskAgain that says what is wrong."""
    bare = unfenced(text)
    if not bare:
        raise AskAgain("the answer is blank", spent)
    try:
        value = msgspec.json.decode(bare)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise AskAgain(f"the answer is no JSON: {error}", spent) from error
    wrong = next(faults(value, msgspec.json.decode(schema)), None)
    if wrong:
        raise AskAgain(f"the answer does not fit its schema: {wrong}", spent)
    return bare


def faults(value: Json, schema: Json, path: str = "$") -> Iterator[str]:
    """Each place where a value is not what the schema says; lazy."""
    if not isinstance(schema, dict) or path.count("/") > _DEEPEST:
        return
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, list) else [kinds] if kinds else []
    if named and not any(_KINDS.get(str(kind), _any)(value) for kind in named):
        yield f"{path} is not of type {' or '.join(map(str, named))}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is none of the values that are allowed"
    yield from _inside(value, schema, path)


def _any(_value: Json) -> bool:
    return True


def _inside(value: Json, schema: dict[str, Json], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _of_object(value, schema, path)
    elif isinstance(value, list):
        yield from _of_array(value, schema, path)
    elif isinstance(value, str):
        yield from _of_string(value, schema, path)
    elif isinstance(value, int | float):
        yield from _outside(value, schema, path, ("minimum", "maximum"))


def _of_object(
    value: dict[str, Json], schema: dict[str, Json], path: str
) -> Iterator[str]:
    known = schema.get("properties")
    fields = known if isinstance(known, dict) else {}
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in value:
            yield f"{path}/{name} is missing"
    for name, each in value.items():
        if name in fields:
            yield from faults(each, fields[name], f"{path}/{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{path}/{name[:40]} is not known"


def _of_array(value: list[Json], schema: dict[str, Json], path: str) -> Iterator[str]:
    yield from _outside(len(value), schema, path, ("minItems", "maxItems"))
    for place, each in enumerate(value):
        yield from faults(each, schema.get("items"), f"{path}/{place}")


def _of_string(value: str, schema: dict[str, Json], path: str) -> Iterator[str]:
    yield from _outside(len(value), schema, path, ("minLength", "maxLength"))
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not re.search(pattern, value):
        yield f"{path} does not match {pattern[:60]}"


def _outside(
    size: float, schema: dict[str, Json], path: str, words: Sequence[str]
) -> Iterator[str]:
    least, most = (schema.get(word) for word in words)
    if isinstance(least, int | float) and size < least:
        yield f"{path} is below its {words[0]} of {least}"
    if isinstance(most, int | float) and size > most:
        yield f"{path} is above its {words[1]} of {most}"
