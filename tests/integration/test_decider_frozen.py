"""Two real deciders: one is frozen past its session and thaws after the take-over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from infra.settings import Settings
from integration.rolling import until
from integration.test_decider import accepted, all_of, send, wish
from schemas.commands.content import CreateProject
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.events.log import LogClaimed, LogRejected
from schemas.registry import Command, Data
from schemas.topics import CONTENT
from streams.placing import partition_of

PROGRAM = Path(__file__).with_name("decider_process.py")
ROOT = PROGRAM.parents[2]
BURST = 300
LIMIT_S = 60.0


@contextmanager
def running(
    settings: Settings, ordinal: int, build: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"output-{ordinal}").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(ordinal), build, str(folder)],
            cwd=ROOT,
            env={**os.environ, **settings.environment()},
            stderr=output,
            stdout=output,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


@pytest.mark.parametrize("build", ["old", "new"])
def test_what_a_thawed_owner_writes_is_void_and_nothing_is_lost(
    stack: Settings, build: str, tmp_path: Path
) -> None:
    """`new`: the second owner runs another release of the rules."""
    before, *burst = _wishes(stack)
    with running(stack, 0, "old", tmp_path) as frozen:
        send(stack, before)
        until(lambda: before.envelope.id in accepted(stack), LIMIT_S)
        send(stack, *burst)
        until((tmp_path / "waiting").exists, LIMIT_S)
        frozen.send_signal(signal.SIGSTOP)
        with running(stack, 8, build, tmp_path):
            ids = {each.envelope.id for each in burst}
            until(lambda: ids <= accepted(stack).keys(), LIMIT_S)
            believed = accepted(stack)
            (tmp_path / "go").touch()
            frozen.send_signal(signal.SIGCONT)
            until(lambda: _void(stack, ids), LIMIT_S)

    found = {id_: records for id_, records in accepted(stack).items() if id_ in ids}
    assert {id_: [r.envelope for r in records] for id_, records in found.items()} == {
        id_: [r.envelope for r in believed[id_]] for id_ in ids
    }
    assert all(len(records) == 1 for records in found.values())
    _is_what_one_thread_would_say(found, burst)
    created = {
        r.data.name for (r,) in found.values() if isinstance(r.data, ProjectCreated)
    }
    assert ("WAIT" if build == "new" else "wait") in created


def _wishes(settings: Settings) -> list[Record[Command]]:
    """Many projects, and a second name for the first of them, in one partition."""
    ids = [_id(settings) for _ in range(BURST)]
    made = [wish(CreateProject(f"p{n}"), id_) for n, id_ in enumerate(ids)]
    made.insert(20, wish(CreateProject("wait"), _id(settings)))
    again = [wish(CreateProject("other"), id_) for id_ in ids[1:40]]
    return [*made, *again]


def _is_what_one_thread_would_say(
    found: dict[str, list[Record[Data]]], burst: list[Record[Command]]
) -> None:
    """One event for each project, whoever decided; a second name is refused."""
    for each in burst:
        (record,) = found[each.envelope.id]
        wanted = LogRejected if each.data == CreateProject("other") else ProjectCreated
        assert type(record.data) is wanted
        assert record.version == 1


def _id(settings: Settings) -> str:
    """Of a project in partition 0, so one owner has all of them."""
    while True:
        found = str(uuid4())
        if partition_of(f"acme:{found}".encode(), settings.partitions) == 0:
            return found


def _void(settings: Settings, ids: set[str]) -> int:
    """Records about these commands that no reader believes."""
    every = [
        record
        for _, record in all_of(settings, CONTENT.events)
        if record.envelope.causation in ids and not isinstance(record.data, LogClaimed)
    ]
    return len(every) - len(ids)
