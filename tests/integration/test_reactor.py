"""The reactor on a real log: commands once, positions after them, fences held."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.content import RequestCopy
from schemas.commands.job import RequestJob
from schemas.envelope import Record
from schemas.ids import derived, event_id
from schemas.registry import Command
from schemas.topics import CONTENT, JOB
from streams import reactor
from streams.following import Follower
from streams.positions import Fenced
from streams.reactions.registry import REACTIONS
from tests.integration.rolling import Site, Tail, site, until

COPY = RequestCopy("pr", "v", "copy", "bilibili", "a red kettle")
STANDS = """
SELECT sum(next_offset) FROM coordination.positions WHERE reader = %s AND topic = %s
"""


@pytest.fixture(scope="module")
def town(stack: Settings) -> Iterator[Site]:
    with site(stack, "decider", "projector") as opened:
        yield opened


@contextmanager
def running(town: Site) -> Iterator[threading.Thread]:
    """In this process, so that a test sees what it raises."""
    stop = threading.Event()
    dsn = town.settings.dsn("worker")
    thread = threading.Thread(
        target=reactor.run, args=(town.kafka, dsn, REACTIONS, utc_now, stop)
    )
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def requests(tail: Tail, town: Site, event: str) -> list[Record[Command]]:
    job_id = derived("job", event)
    found = tail.commands(town.tenant)
    return [each for each in found if each.envelope.aggregate_id == job_id]


def test_an_event_becomes_a_job_once_however_often_it_is_read(town: Site) -> None:
    with town.following(JOB.commands.name) as tail:
        event = event_id(town.send(COPY, str(uuid4())))
        with running(town):
            until(lambda: requests(tail, town, event))
            until(lambda: town.task(derived("job", event)))
        town.owner.execute(
            "UPDATE coordination.positions SET next_offset = 0, log_epoch = 0,"
            " log_owner = '', log_n = 0 WHERE reader = 'reactor'"
        )

        with running(town):
            twice = until(lambda: _two(requests(tail, town, event)))

    assert twice[0].envelope.id == twice[1].envelope.id
    assert isinstance(twice[0].data, RequestJob)
    assert town.decided(twice[0].envelope.id) == ("accepted", "")
    versions = town.row(
        "SELECT version FROM read.tasks WHERE id = %s", derived("job", event)
    )
    assert versions == (1,)


def test_the_position_follows_the_commands(town: Site) -> None:
    with running(town), town.following(JOB.commands.name) as tail:
        until(lambda: town.row(STANDS, "reactor", CONTENT.events.name))
        before = _stands(town)
        event = event_id(town.send(COPY, str(uuid4())))
        until(lambda: requests(tail, town, event))

        until(lambda: _stands(town) > before)


def test_a_reactor_that_was_replaced_cannot_move_the_position(town: Site) -> None:
    dsn = town.settings.dsn("worker")
    topics = [CONTENT.events.name]
    with Follower(town.kafka, dsn, "reactor-test", topics) as old:
        town.send(COPY, str(uuid4()))
        batch = until(lambda: old.read(10, 0.5))[0]
        town.owner.execute(
            "UPDATE coordination.positions SET reader_owner = 'another'"
            " WHERE reader = 'reactor-test'"
        )

        with pytest.raises(Fenced):
            old.done(batch)
        old.again(batch)

        place = batch.partition
        fresh = until(
            lambda: [each for each in old.read(10, 0.5) if each.partition == place]
        )[0]
        assert fresh.start == batch.start
        old.done(fresh)


def _stands(town: Site) -> int:
    row = town.row(STANDS, "reactor", CONTENT.events.name)
    return int(row[0] or 0) if row else 0


def _two(found: list[Record[Command]]) -> list[Record[Command]]:
    return found if len(found) >= 2 else []
