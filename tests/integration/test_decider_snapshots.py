"""Snapshots of deciders in a real Postgres, over a partition's log in memory."""

import random
import threading
from collections.abc import Iterator
from typing import cast
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Message
from psycopg.rows import TupleRow

from infra.settings import Settings
from integration.rolling import until
from integration.test_decider import accepted, send, wish
from model.world import NUMBER, PARTITIONS, Channel, Lying, World
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from schemas.envelope import Record, encode
from schemas.events.content import ProjectCreated
from schemas.events.log import LogRejected, LogUnchanged
from schemas.registry import Command, decode
from schemas.topics import CONTENT
from streams.admitting import Place
from streams.decider import Partition
from streams.deciding import Decider
from streams.placing import partition_of
from streams.reading import LogChanged
from streams.remembered import SnapshotLost
from streams.snapshots import PostgresSnapshot, Snapshots

TOPIC_ID = "topic-1"
KEPT = 2
NOWHERE = "host=127.0.0.1 port=1 dbname=x connect_timeout=1"


class Desk:
    """A partition in memory and its owners, one after the other."""

    def __init__(self, snapshots: Snapshots) -> None:
        self.world = World(random.Random(1))
        self.snapshots = snapshots
        self.projects = [_id() for _ in range(6)]
        self._offset = 0

    def opened(self) -> PostgresSnapshot:
        return self.snapshots.open(CONTENT, NUMBER, TOPIC_ID)

    def owner(self, snapshot: PostgresSnapshot | None = None) -> Partition:
        """Folded and claimed; its snapshot opened as the role does it."""
        snapshot = snapshot or self.opened()
        place = Place(CONTENT, NUMBER, PARTITIONS)
        self.channel = Channel()
        owner = Partition(place, self.channel, utc_now, snapshot, kept=KEPT)
        self.began = owner.next_offset
        found = self.world.log[owner.next_offset :]
        owner.fold(cast("list[Message]", found))
        owner.claim("commands")
        self._land()
        assert owner.holds()
        return owner

    def decide(self, owner: Partition, *records: Record[Command]) -> list[type]:
        """What became of each, in order."""
        before = len(self.world.log)
        for record in records:
            value, headers = encode(record)
            lying = Lying(self._offset, record.envelope.key, value, headers)
            self._offset += 1
            owner.serve([cast(Message, lying)])
            self._land()
        made = self.world.log[before:]
        return [type(decode(each.envelope().type, each.value())) for each in made]

    def save(self, owner: Partition) -> None:
        """Everything that is confirmed, and what may then be let go is."""
        owner.write_behind()
        until(lambda: _settled(owner))

    def _land(self) -> None:
        for sending in self.channel.queue:
            sending.told(None, cast(Message, self.world.land(sending)))
        self.channel.queue.clear()

    def wishes(self, name: str = "one") -> list[Record[Command]]:
        return [wish(CreateProject(name), each) for each in self.projects]


def _settled(owner: Partition) -> bool:
    owner.write_behind()
    return not owner.saving and not owner.unsaved()


def _id() -> str:
    """Of a project whose stream lies in the partition."""
    while True:
        found = str(uuid4())
        if partition_of(f"acme:{found}".encode(), PARTITIONS) == NUMBER:
            return found


@pytest.fixture
def database(written_stack: Settings) -> Iterator[psycopg.Connection[TupleRow]]:
    dsn = written_stack.dsn("owner")
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection
        connection.execute("TRUNCATE coordination.decider_state")
        connection.execute("TRUNCATE coordination.decider_marks")


@pytest.fixture
def desk(
    written_stack: Settings, database: psycopg.Connection[TupleRow]
) -> Iterator[Desk]:
    snapshots = Snapshots(written_stack.dsn("worker"))
    yield Desk(snapshots)
    snapshots.close()


def test_the_next_owner_begins_where_the_snapshot_ends(desk: Desk) -> None:
    first = desk.owner()
    wishes = desk.wishes()
    assert desk.decide(first, *wishes) == [ProjectCreated] * 6
    desk.save(first)
    assert len(first.states()) == KEPT

    second = desk.owner()
    assert desk.began == len(desk.world.log) - 2
    assert desk.decide(second, *wishes) == []
    assert desk.decide(second, *desk.wishes()) == [LogUnchanged] * 6
    assert desk.decide(second, *desk.wishes("two")) == [LogRejected] * 6


def test_streams_that_were_let_go_come_back(desk: Desk) -> None:
    owner = desk.owner()
    for name, kind in (("one", ProjectCreated), ("one", LogUnchanged)):
        assert desk.decide(owner, *desk.wishes(name)) == [kind] * 6
        desk.save(owner)
    assert len(owner.states()) == KEPT


def test_new_streams_are_not_asked_for_once_the_keys_were_read(
    desk: Desk, database: psycopg.Connection[TupleRow]
) -> None:
    """A mark that moved shows only when the snapshot is asked."""
    first = desk.owner()
    old, new = desk.wishes()[:4], desk.wishes()[4:]
    assert desk.decide(first, *old) == [ProjectCreated] * 4
    desk.save(first)

    snapshot = desk.opened()
    until(lambda: snapshot.held() is not None)
    second = desk.owner(snapshot)
    database.execute("UPDATE coordination.decider_marks SET next_offset = 1")
    assert desk.decide(second, *new) == [ProjectCreated] * 2
    with pytest.raises(SnapshotLost):
        desk.decide(second, *old)


def test_keys_of_a_snapshot_that_moved_are_not_believed(
    desk: Desk, database: psycopg.Connection[TupleRow]
) -> None:
    desk.save(desk.owner())
    snapshot = desk.opened()
    database.execute("UPDATE coordination.decider_marks SET next_offset = 1")
    read = desk.snapshots.keys.read(snapshot.identity, snapshot.check_mark)
    with pytest.raises(SnapshotLost, match="is at 1"):
        read.result()


SPOILT = {
    "a row is gone": "DELETE FROM coordination.decider_state WHERE ctid IN"
    " (SELECT ctid FROM coordination.decider_state LIMIT 1)",
    "all is gone": "TRUNCATE coordination.decider_marks",
    "other rules": "UPDATE coordination.decider_marks SET code = 'another build'",
    "another topic": "UPDATE coordination.decider_marks SET topic_id = 'before'",
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_snapshot_that_cannot_be_believed_is_made_anew(
    desk: Desk, database: psycopg.Connection[TupleRow], spoil: str
) -> None:
    first = desk.owner()
    desk.decide(first, *desk.wishes())
    desk.save(first)
    database.execute(SPOILT[spoil])

    second = desk.owner()
    assert desk.began == 0
    assert desk.decide(second, *desk.wishes()) == [LogUnchanged] * 6
    desk.save(second)
    desk.owner()
    assert desk.began == len(desk.world.log) - 2


def test_a_row_that_cannot_be_read_costs_one_fold(
    desk: Desk, database: psycopg.Connection[TupleRow]
) -> None:
    first = desk.owner()
    desk.decide(first, *desk.wishes())
    desk.save(first)
    database.execute("UPDATE coordination.decider_state SET state = 'not json'")

    second = desk.owner()
    with pytest.raises(SnapshotLost, match="cannot be read"):
        desk.decide(second, *desk.wishes())
    third = desk.owner()
    assert desk.began == 0
    assert desk.decide(third, *desk.wishes()) == [LogUnchanged] * 6


def test_an_owner_whose_snapshot_moved_must_fold_again(
    desk: Desk, database: psycopg.Connection[TupleRow]
) -> None:
    """Another owner saved, or a backup was restored: both show as another mark."""
    owner = desk.owner()
    desk.decide(owner, *desk.wishes())
    desk.save(owner)
    database.execute("UPDATE coordination.decider_marks SET next_offset = 1")

    with pytest.raises(SnapshotLost):
        desk.decide(owner, *desk.wishes())
    late = desk.wishes("three")[-KEPT:]
    assert desk.decide(owner, *late) == [LogRejected] * KEPT
    with pytest.raises(SnapshotLost):
        desk.save(owner)


def test_a_log_that_lost_its_tail_and_grew_again_stops_the_owner(desk: Desk) -> None:
    owner = desk.owner()
    desk.decide(owner, *desk.wishes())
    desk.save(owner)
    log = desk.world.log
    log[-1] = log[-2]

    with pytest.raises(LogChanged, match="doctor --restored"):
        desk.owner()


def test_without_postgres_the_log_alone_decides(stack: Settings) -> None:
    before, after = (wish(CreateProject(n), str(uuid4())) for n in ("a", "b"))
    for each in (before, after):
        decider = Decider(stack.need("kafka"), utc_now, postgres=NOWHERE)
        stop = threading.Event()
        thread = threading.Thread(target=decider.run, args=(stop,))
        thread.start()
        try:
            send(stack, before, each)
            until(lambda id_=each.envelope.id: id_ in accepted(stack))
        finally:
            stop.set()
            thread.join(20)
    assert len(accepted(stack)[before.envelope.id]) == 1


def test_a_log_that_ends_before_the_snapshot_stops_the_role(stack: Settings) -> None:
    first = wish(CreateProject("x"), str(uuid4()))
    decider = Decider(stack.need("kafka"), utc_now, postgres=stack.dsn("worker"))
    send(stack, first)
    until(lambda: decider.turn(0.1) or first.envelope.id in accepted(stack))
    decider.close()
    with psycopg.connect(stack.dsn("owner"), autocommit=True) as connection:
        moved = "UPDATE coordination.decider_marks SET next_offset = 1000000"
        assert connection.execute(moved).rowcount
        try:
            with pytest.raises(LogChanged, match="doctor --restored"):
                Decider(stack.need("kafka"), utc_now, postgres=stack.dsn("worker")).run(
                    threading.Event()
                )
        finally:
            connection.execute("TRUNCATE coordination.decider_marks")
