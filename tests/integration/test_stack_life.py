"""The embedded servers over their life: start, again, beside, killed, stopped."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from infra import stack as servers
from infra.problem import Stop
from infra.settings import Settings
from infra.stack import bucket, processes
from infra.stack.children import read_state
from infra.stack.processes import Identity
from infra.stack.servers import Running

HOLD = """
import asyncio, sys
from pathlib import Path
from infra import stack
from infra.settings import Settings

async def main():
    running = await stack.start(Settings(data=Path(sys.argv[1])), lambda _: None)
    print("up", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@asynccontextmanager
async def started(data: Path, lines: list[str] | None = None) -> AsyncIterator[Running]:
    running = await servers.start(
        Settings(data=data), (lines if lines is not None else []).append
    )
    try:
        yield running
    finally:
        await running.stop()


@contextmanager
def held_by_another(data: Path) -> Iterator["subprocess.Popen[str]"]:
    """A stack that another process holds; killed at the end whatever happened."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "up\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def state(data: Path) -> dict[str, Identity]:
    found = read_state(data / "run" / "children.json")
    return {name: who for name, (who, _) in found.items()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_everything_written_is_there_after_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with started(data) as running:
        first = running.settings
        write(first)
        identities = state(data)
        assert set(identities) == {"kafka", "postgres", "clickhouse", "s3"}
        assert (data / "run" / "stack.json").stat().st_mode & 0o077 == 0
    assert not any(map(processes.alive, identities.values()))
    assert not (data / "run" / "stack.json").exists()
    async with started(data) as running:
        assert dict(running.settings) == dict(first), "addresses and keys survive"
        assert read(running.settings) == ("kept", b"kept", "kept-topic")


def write(settings: Settings) -> None:
    with psycopg.connect(settings.dsn("owner"), autocommit=True) as connection:
        connection.execute("create table t (x text)")
        connection.execute("insert into t values ('kept')")
    body = {"Bucket": settings.s3_bucket, "Key": "a/b", "Body": b"kept"}
    bucket.client(settings).put_object(**body)
    client = admin(settings)
    client.create_topics([NewTopic("kept-topic", 1)])["kept-topic"].result(10)


def read(settings: Settings) -> tuple[str, bytes, str]:
    with psycopg.connect(settings.dsn("owner")) as connection:
        row = connection.execute("select x from t").fetchone()
    stored = bucket.client(settings).get_object(Bucket=settings.s3_bucket, Key="a/b")
    client = admin(settings)
    names = client.list_topics(timeout=10).topics
    assert row is not None
    return row[0], stored["Body"].read(), next(n for n in names if n[0] != "_")


def admin(settings: Settings) -> AdminClient:
    return AdminClient({"bootstrap.servers": settings.need("kafka")})


async def test_two_installations_run_beside_each_other(tmp_path: Path) -> None:
    async with started(tmp_path / "a") as a, started(tmp_path / "b") as b:
        assert not set(a.ports.values()) & set(b.ports.values())
        with pytest.raises(Stop, match="already runs"):
            await servers.start(Settings(data=tmp_path / "a"), lambda _: None)
        assert all(child.running for child in a.children.running.values())


async def test_no_parent_changes_its_mode(tmp_path: Path) -> None:
    """Also where only we may enter: the server's user never walks there."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    parents = [closed, *closed.parents]
    before = [mode(path) for path in parents]
    async with started(closed / "data") as running:
        assert psycopg.connect(running.settings.dsn("owner")).closed == 0
    assert [mode(path) for path in parents] == before
    assert mode(closed / "data") == 0o700


async def test_after_a_kill_the_next_start_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with held_by_another(data) as holder:
        left = state(data)
        holder.kill()
        holder.wait()
        async with started(data) as running:
            assert not any(map(processes.alive, left.values()))
            assert all(child.running for child in running.children.running.values())


async def test_a_stack_killed_whole_starts_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with held_by_another(data) as holder:
        holder.send_signal(signal.SIGSTOP)
        for identity in state(data).values():
            os.killpg(identity.pid, signal.SIGKILL)
        holder.kill()
        holder.wait()
        async with started(data) as running:
            await asyncio.to_thread(write, running.settings)


async def test_a_kill_in_the_first_start_leaves_nothing_half(tmp_path: Path) -> None:
    data = tmp_path / "data"
    starting = subprocess.Popen([sys.executable, "-c", HOLD, str(data)])  # noqa: ASYNC220
    seen = data / "postgres" / "draft"
    await asyncio.to_thread(wait_for, lambda: seen.exists() or seen.parent.exists())
    starting.kill()
    starting.wait()
    async with started(data) as running:
        await asyncio.to_thread(write, running.settings)


def wait_for(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.005)


async def test_a_port_taken_meanwhile_is_chosen_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with started(data) as running:
        kept = dict(running.ports)
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", kept["postgres"])):
        async with started(data, lines) as running:
            now = dict(running.ports)
    assert now["postgres"] != kept["postgres"]
    assert {**now, "postgres": kept["postgres"]} == kept
    assert [line for line in lines if "taken by another program" in line]


async def test_a_taken_api_port_that_was_asked_for_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Stop, match=f"Port {port} is taken: choose another"):
            await servers.start(
                Settings(data=tmp_path / "data", api_port=port), lambda _: None
            )
    assert state(tmp_path / "data") == {}


async def test_a_running_stack_is_found_by_its_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with started(data) as running:
        found = servers.attached(Settings(data=data))
        assert found.dsn("api") == running.settings.dsn("api")
        assert found.kafka == running.settings.kafka
        mine = servers.attached(Settings(data=data, kafka="elsewhere:9092"))
        assert mine.kafka == "elsewhere:9092"
    assert servers.attached(Settings(data=data)).kafka is None


def test_an_announcement_of_a_dead_process_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    dead = {"pid": os.getpid(), "started": 1, "boot": processes.boot_id()}
    body = {"holder": dead, "environment": {"CONTENTOPS_KAFKA": "gone:1"}}
    (tmp_path / "run" / "stack.json").write_text(json.dumps(body))
    assert servers.attached(Settings(data=tmp_path)).kafka is None
