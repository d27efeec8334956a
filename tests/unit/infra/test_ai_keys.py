"""Keys of providers: whose counts, how soon another does, and that none is shown."""

import json
import sys
from io import StringIO
from pathlib import Path

import psycopg
import pytest
import structlog
from typer.testing import CliRunner

from ai_adapter.base import Ask, Call
from ai_adapter.errors import TryLater
from infra import ai_keys, logs
from infra.ai_keys import EVERYBODY, FRESH_S, Key, ProviderKeys
from infra.cli import app
from infra.problem import Stop
from infra.settings import Settings
from schemas.ids import derived
from streams.keyring import SecretMissing

PLAIN = "sk-do-not-show-0123456789abcdef"


class Sealed:
    """Secrets in memory; `away` raises as Postgres does."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], bytes] = {}
        self.away = False
        self.asked = 0

    def put(self, tenant: str, provider: str, key: str) -> None:
        ref = derived("secret", tenant, f"ai-provider:{provider}")
        self.held[(tenant, ref)] = key.encode()

    async def get_secret(self, tenant: str, ref: str) -> bytes:
        self.asked += 1
        if self.away:
            raise psycopg.OperationalError("gone")
        if (tenant, ref) not in self.held:
            raise SecretMissing(ref)
        return self.held[(tenant, ref)]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sealed() -> Sealed:
    return Sealed()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(sealed: Sealed, clock: Clock) -> ProviderKeys:
    return ProviderKeys(sealed, clock=clock)


async def test_a_tenants_own_key_counts_before_that_of_everybody(
    keys: ProviderKeys, sealed: Sealed
) -> None:
    sealed.put(EVERYBODY, "openai", "all")
    sealed.put("acme", "openai", "own")

    assert await keys.key("acme", "openai") == "own"
    assert await keys.key("other", "openai") == "all"
    assert await keys.key("acme", "deepseek") == ""


async def test_a_rotated_key_counts_within_a_second_and_is_read_once_until_then(
    keys: ProviderKeys, sealed: Sealed, clock: Clock
) -> None:
    sealed.put("acme", "openai", "old")
    for _ in range(100):
        assert await keys.key("acme", "openai") == "old"
    assert sealed.asked == 1

    sealed.put("acme", "openai", "new")
    clock.now += FRESH_S
    assert await keys.key("acme", "openai") == "new"


async def test_while_the_store_is_away_the_last_key_counts_and_no_other(
    keys: ProviderKeys, sealed: Sealed, clock: Clock
) -> None:
    sealed.put("acme", "openai", "own")
    await keys.key("acme", "openai")
    sealed.away = True
    clock.now += 60

    assert await keys.key("acme", "openai") == "own"
    with pytest.raises(TryLater, match="openai"):
        await keys.key("other", "openai")


async def test_a_key_is_in_no_repr_no_error_and_no_log(
    keys: ProviderKeys, sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", out := StringIO())
    logs.configure("test")
    sealed.put("acme", "openai", PLAIN)
    key = await keys.key("acme", "openai")
    call = Call(
        ask=Ask(task="copy", input="x", tenant_id="acme"),
        model="m",
        system="",
        user="",
        inputs=(),
        variants=1,
        timeout_s=1,
        key=key,
    )
    structlog.get_logger().error("failed", action="stop", call=call, key=str(key))

    assert key == PLAIN
    for shown in (repr(key), repr(call), repr(keys), repr(vars(keys)), str([key])):
        assert PLAIN not in shown
    assert PLAIN not in out.getvalue()
    assert json.loads(out.getvalue())["event"] == "failed"


@pytest.mark.parametrize("typed", ["", "  \n", "two words", "密钥", "x" * 600, "a\0b"])
def test_what_is_no_key_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(Stop) as no:
        ai_keys.put(Settings(), "openai", None, typed)

    assert not typed.strip() or typed not in str(no.value)


def test_a_key_compares_and_travels_as_its_text() -> None:
    assert Key("a") == "a"
    assert f"Bearer {Key('a')}" == "Bearer a"


def test_the_command_reads_the_key_from_its_input_and_never_repeats_it(
    tmp_path: Path,
) -> None:
    words = ["ai", "key", "set", "openai", "--data", str(tmp_path)]
    away = CliRunner().invoke(app, words, input=f"{PLAIN}\n")
    as_argument = CliRunner().invoke(app, [*words, PLAIN])

    assert away.exit_code == 1
    assert "CONTENTOPS_POSTGRES" in away.stderr
    assert PLAIN not in away.output
    assert as_argument.exit_code == 2
