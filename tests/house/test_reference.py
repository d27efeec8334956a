"""What docs/reference lists is what the code has."""

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest

from infra.reference import FOLDER, generate, raised, write
from infra.settings import Settings
from schemas.envelope import Envelope, headers
from schemas.registry import TYPES
from schemas.topics import TOPICS

MEND = "run `contentops docs` and look at the difference"
pages = cache(generate)
"""The code is read once for all tests: more than a second each time."""


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_equals_the_code(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == pages()[name], MEND


def test_a_page_that_drifted_is_another_text(tmp_path: Path) -> None:
    for path in write(tmp_path):
        assert path.read_text("utf-8") == pages()[path.name]
        assert path.read_text("utf-8") + " " != pages()[path.name]


def test_every_topic_wire_name_and_setting_is_listed() -> None:
    found = pages()

    assert [each.name for each in TOPICS if each.name not in found["topics.md"]] == []
    assert [name for name in TYPES if f"`{name}`" not in found["events.md"]] == []
    assert [
        name
        for name in Settings.model_fields
        if f"`CONTENTOPS_{name.upper()}`" not in found["settings.md"]
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
    document = json.loads(pages()["asyncapi.json"])

    for each in _objects(document):
        found: object = document
        for part in each.get("$ref", "#").split("/")[1:]:
            assert isinstance(found, dict)
            found = found[part]
        assert found is not None
    assert document["asyncapi"] == "3.0.0"


def test_every_topic_is_a_channel_with_its_settings() -> None:
    channels = json.loads(pages()["asyncapi.json"])["channels"]

    assert list(channels) == [each.name for each in TOPICS]
    for topic in TOPICS:
        kafka = channels[topic.name]["bindings"]["kafka"]
        assert kafka["topicConfiguration"]["retention.ms"] == topic.retention_ms
        assert kafka["topicConfiguration"]["cleanup.policy"] == ["delete"]
        assert kafka["partitions"] == (topic.partitions or 4)
        assert channels[topic.name]["messages"], topic.name


def test_every_type_is_a_message_of_a_channel_and_has_headers() -> None:
    document = json.loads(pages()["asyncapi.json"])
    carried = {
        name for each in document["channels"].values() for name in each["messages"]
    }
    described = document["components"]["schemas"]["headers"]

    assert carried == set(document["components"]["messages"])
    assert set(TYPES) <= carried
    assert {"ce_id", "ce_type", "ce_subject", "ce_time"} <= set(described["required"])
    assert all(
        document["components"]["messages"][name]["headers"]["$ref"].endswith("/headers")
        for name in TYPES
    )


def test_the_headers_of_a_written_record_are_as_described() -> None:
    """Checked by hand: only patterns and what is required."""
    described = json.loads(pages()["asyncapi.json"])["components"]["schemas"]
    envelope = Envelope(
        id="1",
        type="io.contentops.project.created.v1",
        subject="project/1",
        tenant="t",
        time=datetime(2026, 3, 1, tzinfo=UTC),
        recorded=datetime(2026, 3, 1, tzinfo=UTC),
        expected_version=3,
        owner="o",
    )
    written = {name: value.decode() for name, value in headers(envelope)}
    properties = described["headers"]["properties"]

    assert set(described["headers"]["required"]) <= set(written)
    assert set(written) - {"content-type"} <= set(properties)
    for name, value in written.items():
        assert re.match(properties.get(name, {}).get("pattern", ""), value), name


def test_no_schema_has_a_discriminator_that_asyncapi_would_read_otherwise() -> None:
    """Its own is a string; the official JSON Schema of 3.0.0 refuses an object."""
    document = json.loads(pages()["asyncapi.json"])

    assert [each for each in _objects(document) if "discriminator" in each] == []
    assert "discriminator" in pages()["schemas.json"]


def _objects(node: object) -> list[dict[str, str]]:
    if isinstance(node, dict):
        return [node, *(each for value in node.values() for each in _objects(value))]
    if isinstance(node, list):
        return [each for value in node for each in _objects(value)]
    return []


def test_each_json_schema_names_its_wire_name() -> None:
    document = json.loads(pages()["schemas.json"])
    tags = {
        part["properties"]["type"]["enum"][0]
        for part in document["$defs"].values()
        if "type" in part["properties"]
    }

    assert set(TYPES) <= tags
    assert msgspec.json.decode(pages()["schemas.json"]) == document
