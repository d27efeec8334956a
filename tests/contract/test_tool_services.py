"""Tools of others, as real processes: one that keeps its word, and four that do not."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ai_adapter.tools.shapes import Unsupported, check_schema, faults
from media_agents.errors import FetchRefused, TryLater
from media_agents.fetch import FetchLimits, Guard
from media_agents.tool_services import Service, ToolServices

SAMPLE = Path(__file__).parents[1] / "fixtures" / "word_counter.py"
SECRET = "a shared secret"
SHORT = FetchLimits(
    max_bytes=64 * 1024, seconds=1.0, connect_seconds=1.0, idle_seconds=0.5
)
SERVICES = ToolServices(Guard(allow_loopback=True), SHORT)
WISH = b'{"text":"one two three"}'


@contextmanager
def running(lie: str = "", secret: str = SECRET) -> Iterator[Service]:
    more = ["--lie", lie] if lie else []
    process = subprocess.Popen(
        [sys.executable, str(SAMPLE), SECRET, *more], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        port = process.stdout.readline().strip()
        output = {
            "type": "object",
            "properties": {"words": {"type": "integer", "minimum": 0}},
            "required": ["words"],
            "additionalProperties": False,
        }
        yield Service(f"http://127.0.0.1:{port}", secret.encode(), output)
    finally:
        process.kill()
        process.communicate()


async def test_a_service_says_what_it_can_and_does_it() -> None:
    with running() as service:
        manifest = await SERVICES.manifest(service)
        await SERVICES.health(service)
        result = await SERVICES.use(service, WISH, "job-1")

    assert (manifest.name, manifest.version) == ("x-word-counter", "1.0")
    assert result == b'{"words":3}'


async def test_another_secret_is_no_signature() -> None:
    with running(secret="guessed") as service, pytest.raises(FetchRefused) as no:
        await SERVICES.use(service, WISH, "job-1")

    assert no.value.code == "not_found"


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("schema", "service_unfit"),
        ("html", "service_unfit"),
        ("redirect", "redirect"),
        ("flood", "too_large"),
    ],
)
async def test_a_service_that_breaks_its_word_is_refused(lie: str, code: str) -> None:
    with running(lie) as service, pytest.raises(FetchRefused) as no:
        await SERVICES.use(service, WISH, "job-1")

    assert no.value.code == code


async def test_a_service_that_hangs_is_left_within_the_time() -> None:
    begun = time.monotonic()
    with running("hang") as service, pytest.raises((TryLater, FetchRefused)):
        await SERVICES.use(service, WISH, "job-1")

    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9", "https://10.0.0.1", "https://[::1]", "https://169.254.1.1"],
)
async def test_a_private_address_is_refused_unless_a_setting_allows_it(
    url: str,
) -> None:
    with pytest.raises(FetchRefused):
        await ToolServices().use(Service(url, b"s", {"type": "object"}), WISH, "j")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object", "patternProperties": {}},
        {"type": "object", "properties": {"a": {"$ref": "https://x"}}},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        [],
    ],
)
def test_a_schema_that_could_not_be_checked_is_refused(schema: object) -> None:
    with pytest.raises(Unsupported):
        check_schema(schema)


def test_what_does_not_fit_a_schema_is_told_with_its_place() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "additionalProperties": False,
        "properties": {
            "a": {"type": "array", "maxItems": 1, "items": {"type": "integer"}},
            "b": {"type": "string", "enum": ["x"], "maxLength": 1},
        },
    }
    check_schema(schema)

    assert list(faults(schema, {"a": [1], "b": "x"})) == []
    assert list(faults(schema, {"b": "yy", "c": 1})) == [
        "/a is missing",
        "/b is none of the listed values",
        "/b is above maxLength 1",
        "/c is not known",
    ]
    assert list(faults(schema, {"a": [True, 2]})) == [
        "/a is above maxItems 1",
        "/a/0 is no integer",
    ]
