"""The gate between workers and a real store: what passes, waits, fails or is lost."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from infra.settings import Settings
from infra.wiring import storage
from media_agents.errors import TryLater
from media_agents.storage import Storage
from tests.media_faults.gate import Gate, gate

BODY = b"bytes of a picture" * 10_000


@pytest.fixture(scope="module")
def door(stack: Settings) -> Iterator[Gate]:
    with gate(urlsplit(stack.need("s3")).port or 0) as opened:
        yield opened


@pytest.fixture
def store(stack: Settings, door: Gate) -> Iterator[Storage]:
    """Through the gate, and impatient."""
    yield storage(stack.replace({"s3": door.address, "s3_patience_s": 0.5}))
    door.rules.clear()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def key() -> str:
    return f"t_gate/videos/{uuid4()}/film.mp4"


async def test_what_passes_is_the_same_on_the_other_side(
    store: Storage, film: Path, key: str, stack: Settings
) -> None:
    await store.upload(film, key, "video/mp4")

    assert await storage(stack).get_bytes(key) == BODY
    assert await store.get_bytes(key) == BODY


async def test_a_store_that_fails_is_busy_and_has_nothing(
    store: Storage, door: Gate, film: Path, key: str, stack: Settings
) -> None:
    rule = door.rule("PUT", key)
    rule.mode = "fail"

    with pytest.raises(TryLater, match="storage_busy"):
        await store.upload(film, key, "video/mp4")

    assert rule.met > 1
    assert await storage(stack).head(key) is None
    rule.mode = "open"
    await store.upload(film, key, "video/mp4")
    assert await store.get_bytes(key) == BODY


async def test_a_store_that_is_silent_is_away_after_a_while(
    store: Storage, door: Gate, film: Path, key: str
) -> None:
    door.rule("PUT", key)

    with pytest.raises(TryLater, match="storage_away"):
        await store.upload(film, key, "video/mp4")


async def test_an_answer_that_is_lost_does_no_harm(
    store: Storage, door: Gate, film: Path, key: str, stack: Settings
) -> None:
    """The store has it, the sender sends again and finds its own."""
    rule = door.rule("PUT", key)
    rule.mode, rule.most = "lose", 1

    await store.upload(film, key, "video/mp4")

    assert rule.met == 1
    assert next(each.mode for each in door.seen if each.path.endswith(key)) == "lose"
    assert await storage(stack).get_bytes(key) == BODY


async def test_bytes_that_stop_coming_are_given_up(
    store: Storage, door: Gate, film: Path, key: str, tmp_path: Path
) -> None:
    await store.upload(film, key, "video/mp4")
    door.rule("GET", key).mode = "stall"

    with pytest.raises(TryLater, match="storage_away"):
        await store.download(key, tmp_path / "half.mp4")

    assert not await asyncio.to_thread((tmp_path / "half.mp4").exists)
