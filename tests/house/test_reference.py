"""What docs/reference lists is what the code has."""

import json
from pathlib import Path

import msgspec
import pytest

from infra.reference import FOLDER, generate, raised, write
from infra.settings import Settings
from schemas.registry import TYPES
from schemas.topics import TOPICS

MEND = "run `contentops docs` and look at the difference"


@pytest.mark.parametrize("name", sorted(generate()))
def test_a_generated_page_equals_the_code(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == generate()[name], MEND


def test_a_page_that_drifted_is_another_text(tmp_path: Path) -> None:
    for path in write(tmp_path):
        assert path.read_text("utf-8") == generate()[path.name]
        assert path.read_text("utf-8") + " " != generate()[path.name]


def test_every_topic_wire_name_and_setting_is_listed() -> None:
    pages = generate()

    assert [each.name for each in TOPICS if each.name not in pages["topics.md"]] == []
    assert [name for name in TYPES if f"`{name}`" not in pages["events.md"]] == []
    assert [
        name
        for name in Settings.model_fields
        if f"`CONTENTOPS_{name.upper()}`" not in pages["settings.md"]
    ] == []


def test_every_error_tells_the_reader_what_to_do() -> None:
    assert [(name, place) for name, place, meaning in raised() if not meaning] == []


def test_an_error_is_found_through_its_ancestors(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    folder.mkdir()
    text = "class A(Exception): ...\nclass B(A): ...\nclass C: ...\n"
    (folder / "x.py").write_text(text)

    assert {name for name, _, _ in raised(tmp_path)} == {"A", "B"}


def test_the_asyncapi_document_refers_only_to_what_it_holds() -> None:
    document = json.loads(generate()["asyncapi.json"])
    names = set(document["components"]["schemas"])
    found = {
        node["$ref"].rpartition("/")[2]
        for node in _objects(document["components"]["messages"])
        if "$ref" in node
    }

    assert found <= names
    assert len(document["components"]["messages"]) == len(TYPES)
    assert document["asyncapi"] == "3.0.0"


def _objects(node: object) -> list[dict[str, str]]:
    if isinstance(node, dict):
        return [node, *(each for value in node.values() for each in _objects(value))]
    if isinstance(node, list):
        return [each for value in node for each in _objects(value)]
    return []


def test_each_json_schema_names_its_wire_name() -> None:
    document = json.loads(generate()["schemas.json"])
    tags = {
        part["properties"]["type"]["enum"][0]
        for part in document["$defs"].values()
        if "type" in part["properties"]
    }

    assert set(TYPES) <= tags
    assert msgspec.json.decode(generate()["schemas.json"]) == document
