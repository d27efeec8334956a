"""What may change in a record's shape: refuses all that old or new readers stumble on.

Allowed are an optional field with a default, one more alternative of a union or enum
(an older reader parks such a record until it is updated, as with a new type), and new
types. Names of classes, descriptions and the order of fields are not on the wire.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from infra.problem import Stop
from infra.shapes import Json, json_schemas

Node: TypeAlias = dict[str, Json]

SCHEMAS = Path(__file__).parents[1] / "schemas"
BASELINE = SCHEMAS / "baseline.json"
EXAMPLES = SCHEMAS / "examples"
SUMS = EXAMPLES / "SHA256SUMS"
UNSEEN = {"title", "description", "examples"}
COMPARED = {"$ref", "anyOf", "discriminator", "type", "enum", "items", "default"}
OBJECT = {"properties", "required"}
NEXT = "give the new shape the next .v<n> and an upcast (schemas/upcasts.py)"


class Refusal(Struct, frozen=True):
    """One change that breaks a reader: where, which rule, and what to do instead."""

    name: str
    field: str
    rule: str
    remedy: str = NEXT

    def line(self) -> str:
        field = f" {self.field}" if self.field else ""
        return f"{self.name}{field}: {self.rule}; {self.remedy}."


class _Document:
    """JSON Schemas by wire name, wherever their classes moved to."""

    def __init__(self, document: Json) -> None:
        self._parts = _node(_node(document).get("$defs"))
        chosen = [self.resolved(_node(each)) for each in _list(document, "oneOf")]
        self.types = {tag: each for each in chosen if (tag := _tag(each))}

    def resolved(self, node: Node) -> Node:
        while "$ref" in node:
            node = _node(self._parts[str(node["$ref"]).rpartition("/")[2]])
        return node

    def alternatives(self, node: Node) -> dict[str, Node]:
        """By tag, else by JSON type: what a value of this node may be."""
        node = self.resolved(node)
        listed = node.get("anyOf")
        members = listed if isinstance(listed, list) else [node]
        found = [self.resolved(_node(each)) for each in members]
        return {_kind(each): each for each in found}


def breaking(before: Json, after: Json) -> list[Refusal]:
    """Every breaking change between two documents of `shapes.json_schemas`."""
    old, new = _Document(before), _Document(after)
    found: list[Refusal] = []
    for name, node in old.types.items():
        if name in new.types:
            found += _Comparison(old, new, name).objects("", node, new.types[name])
        else:
            rule = "a released type is gone or has another tag"
            remedy = "keep its Struct: records of it lie on the log"
            found.append(Refusal(name, "", rule, remedy))
    return found


class _Comparison:
    """One type of one wire name, old against new."""

    def __init__(self, old: _Document, new: _Document, name: str) -> None:
        self._old, self._new, self._name = old, new, name

    def objects(self, path: str, old: Node, new: Node) -> Iterator[Refusal]:
        before, after = _node(old["properties"]), _node(new["properties"])
        for field, node in before.items():
            where = f"{path}/{field}"
            if field not in after:
                rule = "a released field is gone or has another name"
                yield self._refusal(where, rule)
                continue
            yield from self._presence(where, field, old, new)
            yield from self._values(where, _node(node), _node(after[field]))
        for field in after.keys() - before.keys():
            if field in _list(new, "required"):
                rule = "a new field is required, and older records lack it"
                yield self._refusal(f"{path}/{field}", rule, "give it a default")

    def _presence(
        self, path: str, field: str, old: Node, new: Node
    ) -> Iterator[Refusal]:
        was, is_ = (field in _list(each, "required") for each in (old, new))
        if was and not is_:
            yield self._refusal(path, "older readers require this field")
        elif is_ and not was:
            yield self._refusal(path, "older records may lack this field")
        elif not was and _default(old, field) != _default(new, field):
            yield self._refusal(path, "another default gives older records another say")

    def _values(self, path: str, old: Node, new: Node) -> Iterator[Refusal]:
        before, after = self._old.alternatives(old), self._new.alternatives(new)
        for name, node in before.items():
            if name not in after:
                yield self._refusal(path, f"it could be {name} and cannot any more")
            elif "properties" in node:
                inner = path if len(before) == 1 else f"{path}({name})"
                yield from self.objects(inner, node, after[name])
            else:
                yield from self._plain(path, node, after[name])
        for name in after.keys() - before.keys():
            if not _tag(after[name]) or not any(map(_tag, before.values())):
                yield self._refusal(path, f"older readers do not take {name} here")

    def _plain(self, path: str, old: Node, new: Node) -> Iterator[Refusal]:
        gone = [each for each in _list(old, "enum") if each not in _list(new, "enum")]
        if gone:
            yield self._refusal(path, f"it could be {gone} and cannot any more")
        if ("enum" in old) != ("enum" in new):
            yield self._refusal(path, "a fixed list of values came or went")
        if "items" in old and "items" in new:
            yield from self._values(
                f"{path}/*", _node(old["items"]), _node(new["items"])
            )
        for word in (old.keys() | new.keys()) - UNSEEN - COMPARED - OBJECT:
            if old.get(word) != new.get(word):
                yield self._refusal(path, f"its `{word}` is another")

    def _refusal(self, path: str, rule: str, remedy: str = NEXT) -> Refusal:
        return Refusal(self._name, path, rule, remedy)


def _node(value: Json) -> Node:
    if not isinstance(value, dict):
        raise Stop(f"This is no JSON Schema document: {str(value)[:60]}.")
    return value


def _list(node: Json, word: str) -> list[Json]:
    found = node.get(word) if isinstance(node, dict) else None
    return found if isinstance(found, list) else []


def _tag(node: Node) -> str:
    """The wire name, or the tag within a union; empty for anything untagged."""
    properties = node.get("properties")
    kind = properties.get("type") if isinstance(properties, dict) else None
    values = _list(kind, "enum")
    return str(values[0]) if len(values) == 1 else ""


def _kind(node: Node) -> str:
    kind = _tag(node) or str(node.get("type", "any"))
    return "map" if kind == "object" and "properties" not in node else kind


def _default(node: Node, field: str) -> str:
    """As text, so that `false` is not 0."""
    return json.dumps(_node(_node(node["properties"])[field]).get("default"))


def check(against: Path | None = None, say: Callable[[str], None] = print) -> None:
    """Compare the code with the last release; raises Stop when it breaks a reader."""
    path = against or BASELINE
    try:
        before = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise Stop(f"{path} cannot be read as JSON ({wrong}).", code=2) from wrong
    found = breaking(before, json_schemas())
    for each in found:
        say(each.line())
    if found:
        raise Stop(f"{len(found)} changes break readers of {path.name}.")
    say(f"compatible with {path.name}")


def freeze(say: Callable[[str], None] = print) -> None:
    """At a release: from now on these shapes and examples are never changed."""
    check(say=say)
    text = json.dumps(json_schemas(), indent=1, ensure_ascii=False)
    BASELINE.write_text(text + "\n", "utf-8")
    SUMS.write_text("".join(f"{digest}  {name}\n" for name, digest in digests()))
    say(f"wrote {BASELINE.name} and {SUMS.name}")


def digests() -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of every example, as `sha256sum` would list them."""
    for path in sorted(EXAMPLES.glob("*.json")):
        yield path.name, hashlib.sha256(path.read_bytes()).hexdigest()
