"""Each kind of breaking change is refused where it is made, each allowed one is not."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from infra import compatibility
from infra.compatibility import BASELINE, SUMS, breaking, check, digests
from infra.problem import Stop
from infra.shapes import json_schemas

NOW = json.loads(json.dumps(json_schemas()))
FEW = settings(max_examples=8, deadline=None)
MEND = (
    "an example of a release is never edited: put the old text back and add a new file "
    "<wire name>.<label>.json beside it; `contentops schemas freeze` lists new files"
)


def test_the_code_is_compatible_with_the_last_release() -> None:
    said: list[str] = []

    check(say=said.append)

    assert said == ["compatible with baseline.json"]


def test_examples_of_a_release_are_what_they_were() -> None:
    now = dict(digests())
    lines = (line.split("  ") for line in SUMS.read_text().splitlines())

    assert [name for digest, name in lines if now.get(name) != digest] == [], MEND


def test_nothing_changed_is_compatible() -> None:
    assert breaking(NOW, copy.deepcopy(NOW)) == []


# Objects as they occur in the document: every type and every nested part in use.
PARTS = sorted(NOW["$defs"])
FIELDS = [
    (part, field)
    for part in PARTS
    for field in NOW["$defs"][part]["properties"]
    if field != "type"
]
OPTIONAL = [
    (part, field)
    for part, field in FIELDS
    if "default" in NOW["$defs"][part]["properties"][field]
]
REQUIRED = [each for each in FIELDS if each not in OPTIONAL]
UNIONS = [
    (part, field)
    for part, field in FIELDS
    if "anyOf" in NOW["$defs"][part]["properties"][field]
]


def properties(document: dict, part: str) -> dict:
    return document["$defs"][part]["properties"]


def remove(document: dict, part: str, field: str) -> None:
    del properties(document, part)[field]
    required = document["$defs"][part]["required"]
    document["$defs"][part]["required"] = [each for each in required if each != field]


def rename(document: dict, part: str, field: str) -> None:
    found = properties(document, part)
    found["renamed"] = found.pop(field)


def change_type(document: dict, part: str, field: str) -> None:
    found = properties(document, part)[field]
    now = {"type": "boolean" if found.get("type") != "boolean" else "string"}
    properties(document, part)[field] = now | (
        {"default": found["default"]} if "default" in found else {}
    )


def constrain(document: dict, part: str, field: str) -> None:
    found = properties(document, part)[field]
    for each in found.get("anyOf", [found]):
        if "$ref" in each:
            change_type(document, part, field)
            return
        each["maxLength"] = 5


def add_required(document: dict, part: str, field: str) -> None:
    properties(document, part)["added"] = {"type": "string"}
    document["$defs"][part]["required"].append("added")


def make_optional(document: dict, part: str, field: str) -> None:
    document["$defs"][part]["required"].remove(field)
    properties(document, part)[field]["default"] = None


def make_required(document: dict, part: str, field: str) -> None:
    document["$defs"][part].setdefault("required", []).append(field)
    properties(document, part)[field].pop("default", None)


def change_default(document: dict, part: str, field: str) -> None:
    properties(document, part)[field]["default"] = "another"


def narrow(document: dict, part: str, field: str) -> None:
    properties(document, part)[field]["anyOf"].pop()


def widen(document: dict, part: str, field: str) -> None:
    properties(document, part)[field] = {
        "anyOf": [properties(document, part)[field], {"type": "object"}],
        **{
            k: v for k, v in properties(document, part)[field].items() if k == "default"
        },
    }


Change = Callable[[dict, str, str], None]
REFUSED: list[tuple[Change, list[tuple[str, str]], str]] = [
    (remove, FIELDS, "is gone"),
    (rename, FIELDS, "is gone"),
    (change_type, FIELDS, "cannot any more"),
    (constrain, FIELDS, ""),
    (add_required, FIELDS, "a new field is required"),
    (make_optional, REQUIRED, "require this field"),
    (make_required, OPTIONAL, "may lack this field"),
    (change_default, OPTIONAL, "another default"),
    (narrow, UNIONS, "cannot any more"),
    (widen, FIELDS, "do not take map"),
]


def inside(part: str) -> set[str]:
    """A part with all the parts it is made of."""
    text = json.dumps(NOW["$defs"][part])
    inner = [each for each in PARTS if f'/{each}"' in text]
    return {part}.union(*map(inside, inner))


INSIDE = {
    properties(NOW, top)["type"]["enum"][0]: inside(top)
    for top in (each["$ref"].rpartition("/")[2] for each in NOW["oneOf"])
}


@pytest.mark.parametrize(
    ("change", "places", "rule"), REFUSED, ids=[each[0].__name__ for each in REFUSED]
)
@given(draw=st.data())
@FEW
def test_a_breaking_change_is_refused(
    change: Change, places: list[tuple[str, str]], rule: str, draw: st.DataObject
) -> None:
    part, field = draw.draw(st.sampled_from(places))
    after = copy.deepcopy(NOW)
    change(after, part, field)

    found = breaking(NOW, after)

    assert {each.name for each in found} == {
        name for name, all_ in INSIDE.items() if part in all_
    }
    wanted = "added" if change is add_required else field
    assert all(each.field.endswith(f"/{wanted}") for each in found)
    assert any(rule in each.line() for each in found)


@given(st.sampled_from(NOW["oneOf"]))
@FEW
def test_a_type_that_is_gone_is_refused(gone: dict[str, str]) -> None:
    after = copy.deepcopy(NOW)
    after["oneOf"].remove(gone)

    (found,) = breaking(NOW, after)

    assert "a released type is gone" in found.line()


@given(st.sampled_from(NOW["oneOf"]))
@FEW
def test_another_wire_name_is_refused(one: dict[str, str]) -> None:
    after = copy.deepcopy(NOW)
    kind = properties(after, one["$ref"].rpartition("/")[2])["type"]
    kind["enum"] = [kind["enum"][0].replace(".v1", ".v2")]

    (found,) = breaking(NOW, after)

    assert "another tag" in found.line()


def add_optional(document: dict, part: str, field: str) -> None:
    properties(document, part)["added"] = {"type": "string", "default": ""}


def describe(document: dict, part: str, field: str) -> None:
    document["$defs"][part] |= {"title": "Other", "description": "Other words."}


def reorder(document: dict, part: str, field: str) -> None:
    found = properties(document, part)
    found[field] = found.pop(field)


def add_alternative(document: dict, part: str, field: str) -> None:
    """To a union of tagged parts."""
    new = {"properties": {"type": {"enum": ["sung"]}}, "required": ["type"]}
    document["$defs"]["Sung"] = {"type": "object", **new}
    listed = properties(document, part)[field]["anyOf"]
    if sum("$ref" in each for each in listed) > 1:
        listed.append({"$ref": "#/$defs/Sung"})


def rename_class(document: dict, part: str, field: str) -> None:
    text = json.dumps(document)
    text = text.replace(f'/{part}"', '/Renamed"').replace(f'"{part}": ', '"Renamed": ')
    document |= json.loads(text)
    document["$defs"].pop(part, None)


@pytest.mark.parametrize(
    ("change", "places"),
    [
        (add_optional, FIELDS),
        (describe, FIELDS),
        (reorder, FIELDS),
        (add_alternative, UNIONS),
        (rename_class, FIELDS),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
@given(draw=st.data())
@FEW
def test_an_allowed_change_is_taken(
    change: Change, places: list[tuple[str, str]], draw: st.DataObject
) -> None:
    part, field = draw.draw(st.sampled_from(places))
    after = copy.deepcopy(NOW)
    change(after, part, field)

    assert after != NOW or change is reorder or change is add_alternative
    assert [each.line() for each in breaking(NOW, after)] == []


def document(*kinds: type[Struct]) -> dict:
    schemas, parts = msgspec.json.schema_components(
        kinds, ref_template="#/$defs/{name}"
    )
    return {"oneOf": list(schemas), "$defs": parts}


class Ruled(Struct, tag="io.contentops.x.ruled.v1"):
    ruling: Literal["drop", "replay"]


class RuledMore(Struct, tag="io.contentops.x.ruled.v1"):
    ruling: Literal["drop", "replay", "wait"]


class RuledFreely(Struct, tag="io.contentops.x.ruled.v1"):
    ruling: str


def test_a_value_of_an_enum_may_come_and_not_go() -> None:
    assert breaking(document(Ruled), document(RuledMore)) == []
    (gone,) = breaking(document(RuledMore), document(Ruled))
    assert "['wait'] and cannot any more" in gone.line()
    assert breaking(document(Ruled), document(RuledFreely)) != []


def test_a_new_type_and_a_new_version_may_come() -> None:
    class Next(Struct, tag="io.contentops.x.ruled.v2"):
        ruling: int

    assert breaking(document(Ruled), document(Ruled, Next)) == []
    assert breaking(document(Ruled), document(Next)) != []


def test_a_refusal_names_type_field_rule_and_remedy(tmp_path: Path) -> None:
    before = copy.deepcopy(NOW)
    properties(before, "ProjectCreated")["colour"] = {"type": "string", "default": ""}
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before))
    said: list[str] = []

    with pytest.raises(Stop, match=r"1 changes break readers of before\.json"):
        check(path, said.append)

    (line,) = said
    assert line.startswith("io.contentops.project.created.v1 /colour: a released field")
    assert line.endswith("the next .v<n> and an upcast (schemas/upcasts.py).")


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_what_is_no_document_is_refused_in_one_sentence(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)

    with pytest.raises(Stop):
        check(path, print)
    with pytest.raises(Stop, match="cannot be read"):
        check(tmp_path / "none.json", print)


def test_freezing_makes_what_is_there_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "baseline.json").write_text(BASELINE.read_text())
    monkeypatch.setattr(compatibility, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(compatibility, "SUMS", tmp_path / "SHA256SUMS")

    compatibility.freeze(print)

    assert json.loads((tmp_path / "baseline.json").read_text()) == NOW
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == len(
        list(names(compatibility.EXAMPLES))
    )


def names(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.glob("*.json"))
