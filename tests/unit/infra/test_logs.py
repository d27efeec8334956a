"""What a log entry may say of people and secrets: nothing."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.logs import MASK, masked

CANARIES = [
    "Bearer co_Zm9vYmFyYmF6cXV4cXV1eA",
    "co_Zm9vYmFyYmF6cXV4cXV1eA",
    "sk-proj_abcdefghijklmnop",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "13812345678",
    "+86 13812345678",
    "li.lei@example.com",
    "110101199003078515",
    "https://host/path?access_token=abc123&x=1",
    "postgresql://contentops:hunter2hunter2@127.0.0.1/db",
]


def entry(**fields: object) -> str:
    return json.dumps(masked(None, "info", dict(fields)), ensure_ascii=False)


@pytest.mark.parametrize("canary", CANARIES)
def test_a_secret_or_a_person_is_masked_wherever_it_stands(canary: str) -> None:
    secret = canary.rpartition(" ")[2].partition("=")[2] or canary
    nested = {"inner": [f"see {canary}."], "why": ValueError(canary)}

    for said in (entry(event=f"got {canary}"), entry(event="x", more=nested)):
        assert MASK in said
        assert secret not in said
        assert "hunter2" not in said


@pytest.mark.parametrize("name", ["phone", "Authorization", "api_key", "wechat_id"])
def test_a_telling_name_hides_its_value_whatever_it_is(name: str) -> None:
    assert entry(**{name: "plain words"}) == json.dumps({name: MASK})


@pytest.mark.parametrize(
    "harmless",
    [
        "f3b1c2d4-0000-4000-8000-13812345678a",
        "contentops.asset.events.v1:3:13812345678901",
        "2026-11-23T03:13:28.123456Z",
        "the position is outside the log; run `contentops doctor`",
    ],
)
def test_ids_places_times_and_remedies_stay_readable(harmless: str) -> None:
    assert harmless in entry(event="x", reason=harmless)


@given(st.integers() | st.booleans() | st.none())
def test_numbers_stay_numbers(value: int | bool | None) -> None:
    assert masked(None, "info", {"offset": value}) == {"offset": value}


def test_entries_of_libraries_pass_the_same_mask() -> None:
    code = (
        "import logging, structlog; from infra.logs import configure;"
        "configure('reactor');"
        "logging.getLogger('lib').warning('to %s', 'li.lei@example.com');"
        "structlog.get_logger().error('parked', action='park', phone='13812345678')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    first, second = (json.loads(line) for line in done.stderr.splitlines())

    assert (first["event"], first["role"]) == (f"to {MASK}", "reactor")
    assert (second["phone"], second["action"]) == (MASK, "park")
