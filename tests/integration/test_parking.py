"""Bad records of every kind on real topics: parked or void, and all else goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import msgspec
import psycopg
import pytest
from clickhouse_connect.driver.client import Client
from msgspec import structs

from fixtures.fix_read_side import (
    FakeTables,
    Rows,
    projector_source,
    running,
)
from fixtures.fix_records import BEGAN, Writer, eventually
from fixtures.fix_stack import servers_in
from infra import migrate, parked
from infra.problem import Stop
from infra.settings import Settings
from infra.sources import sink_source
from projections import feeding, runner, versions
from projections.registry import PROJECTIONS
from projections.runner import Projector
from projections.table import Projection
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from schemas.envelope import Headers, Record, encode
from schemas.events.content import ProjectCreated
from schemas.observations import MetricsObserved
from schemas.registry import Data
from schemas.topics import CONTENT, TRACKING
from streams import reactor
from streams.acceptance import Fence
from streams.parking import TooManyParked, allowed
from streams.reactions.reaction import React, Reaction
from streams.rulings import Rulings

TOPIC = CONTENT.events.name
SPOILT = "a zero \x00 in the name"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Its own: no read model could be built from this log without rulings."""
    with servers_in(tmp_path_factory.mktemp("spoilt")) as settings:
        yield settings


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def nothing_parked(rows: Rows) -> Iterator[None]:
    """So many streams of one test must not count against the next."""
    yield
    rows("DELETE FROM coordination.parked")


class Bad:
    """Writes records that are wrong on purpose, in the place of good ones."""

    def __init__(self, log: Writer, tenant: str) -> None:
        self.log = log
        self.tenant = tenant

    def project(self, id_: str, name: str = "spoilt") -> Record[Data]:
        return self.log.record(ProjectCreated(name), "project", id_, self.tenant)

    def put(self, record: Record[Data], **other: object) -> None:
        value, headers = encode(record)
        said: dict[str, object] = {
            "value": value,
            "headers": headers,
            "key": record.envelope.key.encode(),
            "partition": record.partition,
            **other,
        }
        self.log._producer.produce(record.topic, **said)
        assert not self.log._producer.flush(20)

    def typed(self, record: Record[Data], name: str) -> Headers:
        found = dict(encode(record)[1])
        return list({**found, "ce_type": name.encode()}.items())

    def elsewhere(self, id_: str) -> None:
        """Accepted by the fence of a partition that is not its own."""
        record = self.project(id_)
        place = (record.topic, record.partition)
        self.log.fences[place] = _back(self.log.fences[place])
        other = (record.topic, (record.partition + 1) % self.log._partitions)
        fence = self.log.fences[other]
        self.log.fences[other] = Fence(fence.epoch, fence.owner, fence.n + 1)
        envelope = structs.replace(
            record.envelope, epoch=fence.epoch, owner=fence.owner, n=fence.n
        )
        self.put(structs.replace(record, envelope=envelope), partition=other[1])


def _back(fence: Fence) -> Fence:
    return Fence(fence.epoch, fence.owner, fence.n - 1)


def fed(stack: Settings) -> list[Projection]:
    with psycopg.connect(stack.dsn("owner")) as owner:
        return list(versions.fed(owner, PROJECTIONS))


def reader_of(stack: Settings, name: str) -> str:
    return next(each.reader for each in fed(stack) if each.name == name)


def held(rows: Rows, reader: str, tenant: str) -> list[tuple[object, ...]]:
    return rows(
        "SELECT key, reason FROM coordination.parked WHERE reader = %s"
        ' AND key LIKE %s ORDER BY key, "offset"',
        (reader, f"{tenant}:%"),
    )


def names(rows: Rows, tenant: str) -> list[str]:
    found = rows(
        "SELECT name FROM read.projects WHERE tenant = %s ORDER BY name", (tenant,)
    )
    return [str(row[0]) for row in found]


def write_bad(bad: Bad) -> dict[str, str]:
    """One stream per kind of unreadable record, with a word of its reason."""
    for id_, other in {
        "b1": {"value": b"{"},
        "b2": {"value": b'{"name": 7}'},
        "b3": {"value": b'{"name": "' + b"x" * 990_000 + b'"}'},
        "b4": {"key": f"{bad.tenant}:else".encode()},
        "b5": {"key": None},
    }.items():
        bad.put(bad.project(id_), **other)
    for id_, kind in {"b6": "project.created.v9", "b7": "project.lost.v1"}.items():
        record = bad.project(id_)
        headers = bad.typed(record, f"io.contentops.{kind}")
        bad.put(record, headers=headers)
    bad.elsewhere("b8")
    bad.put(bad.project("b9", SPOILT))
    return {
        "b1": "DecodeError",
        "b2": "ValidationError",
        "b3": "limit",
        "b4": "key",
        "b5": "key",
        "b6": "UnknownType",
        "b7": "UnknownType",
        "b8": "belongs into partition",
    }


def write_void(bad: Bad) -> int:
    """What no owner wrote: foreign, late, twice, or without the headers of ours."""
    good = bad.project("twice", "good twice")
    bad.put(good)
    bad.put(good)
    foreign = structs.replace(
        good, envelope=structs.replace(good.envelope, owner="a stranger")
    )
    bad.put(foreign)
    bad.put(good, headers=None)
    bad.put(good, headers=[("ce_id", b"x"), ("ce_time", b"yesterday")])
    bad.put(good, headers=[("ce_id", b"\xff\xfe")], value=b"\x00", key=None)
    return 5


def step_until(own: Projector, done: Callable[[], bool]) -> None:
    def there() -> bool:
        own.step()
        return done()

    eventually(there)


def test_bad_records_park_their_streams_and_every_other_flows(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    bad = Bad(log, tenant)
    own = Projector(projector_source(stack, "by hand"))
    try:
        step_until(own, lambda: own._reader.assigned() != [])
        before = own._reader.void.total()
        reasons = write_bad(bad)
        void = write_void(bad)
        good = log.append(
            [bad.project(f"g{n}", f"good {n}") for n in range(8)]
            + [bad.project("b1", "behind a parked one")]
        )
        wanted = sorted([f"good {n}" for n in range(8)] + ["good twice"])
        reader = reader_of(stack, "projects")
        step_until(
            own,
            lambda: (
                names(rows, tenant) == wanted and len(held(rows, reader, tenant)) == 10
            ),
        )
        skipped = own._reader.void.total() - before
    finally:
        own.close()

    assert skipped == void
    found = dict(reversed(held(rows, reader, tenant)))
    for id_, word in reasons.items():
        assert word in str(found[f"{tenant}:{id_}"]), id_
    assert "NUL" in str(found[f"{tenant}:b9"])
    # Every read model is fed by that topic, and only one minds a NUL.
    readers = {each.reader for each in fed(stack)}
    assert {row[0] for row in rows("SELECT reader FROM coordination.parked")} == readers
    assert good[-1].envelope.id in _ids(rows, reader)
    listed = [each for each in parked.listed(stack) if each.stream.startswith(tenant)]
    assert {(each.reader, each.stream) for each in listed} >= {
        (each, f"{tenant}:{id_}") for each in readers for id_ in reasons
    }


def _ids(rows: Rows, reader: str) -> set[str]:
    found = rows(
        "SELECT event_id FROM coordination.parked WHERE reader = %s", (reader,)
    )
    return {str(row[0]) for row in found}


def test_a_stream_that_was_ruled_about_equals_the_oracle(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """Drop the poison: what was parked behind it is written, in the log's order."""
    bad = Bad(log, tenant)
    reader = reader_of(stack, "projects")
    said: list[str] = []
    with running(lambda stop: runner.run(projector_source(stack), stop)):
        poison = bad.project("p", SPOILT)
        (poison,) = log.append([poison])
        # Within one batch a later value would take the place of the poison.
        eventually(lambda: len(held(rows, reader, tenant)) == 1)
        later = log.append(
            [bad.project("p", f"name {n}") for n in range(3)]
            + [bad.project("q", "another")]
        )
        eventually(lambda: len(held(rows, reader, tenant)) == 4)

        with pytest.raises(Stop, match="parked still"):
            parked.replay(stack, "projects", f"{tenant}:p", said.append)
        assert len(held(rows, reader, tenant)) == 4
        place = f"{poison.topic}:{poison.partition}:{poison.offset}"
        parked.drop(stack, "projects", place, "a zero", said.append)

        assert held(rows, reader, tenant) == []
        after = log.append([bad.project("p", "and on")])
        eventually(lambda: _newest(rows, tenant, "p") == after[-1].version)

    oracle = FakeTables()
    projects = next(each for each in fed(stack) if each.name == "projects")
    oracle.apply(projects, [*later, *after])
    wanted = sorted(each["name"] for each in oracle.rows["projects"].values())
    assert names(rows, tenant) == wanted
    assert Rulings.load(stack.need("kafka")).dropped("projects.v9", *_spot(poison))
    assert said[-1] == f"{reader}: 4 taken up, 0 still parked"


def _spot(record: Record[Data]) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _newest(rows: Rows, tenant: str, id_: str) -> int:
    found = rows(
        "SELECT version FROM read.projects WHERE tenant = %s AND id = %s", (tenant, id_)
    )
    return int(str(found[0][0])) if found else 0


def test_observations_nobody_can_read_are_parked_too(
    projecting: None, log: Writer, rows: Rows, tenant: str, stack: Settings
) -> None:
    seen = MetricsObserved("p", "bilibili", BEGAN, 1, 1, 1, 1)
    bad = Bad(log, tenant)
    bad.put(log.record(seen, "publication", "o1", tenant), headers=None)
    bad.put(log.record(seen, "publication", "o2", tenant), value=b"[]")
    (good,) = log.append([log.record(seen, "publication", "o3", tenant)])
    asked = "SELECT id FROM read.history WHERE tenant = %s"
    eventually(lambda: rows(asked, (tenant,)) == [(good.envelope.id,)])

    found = held(rows, reader_of(stack, "history"), tenant)
    assert [row[0] for row in found] == [f"{tenant}:o1", f"{tenant}:o2"]
    assert "headers" in str(found[0][1])
    mine = [each for each in parked.listed(stack) if each.stream.startswith(tenant)]
    assert mine
    assert all(TRACKING.name in each.place for each in mine)


def test_the_sink_parks_what_it_cannot_read_and_goes_on(
    stack: Settings, log: Writer, rows: Rows, tenant: str, store: Client
) -> None:
    bad = Bad(log, tenant)
    with running(lambda stop: feeding.run(sink_source(stack), stop)):
        bad.put(bad.project("b1"), value=b"{")
        good = log.append([bad.project("b1", "later"), bad.project("g", "good")])
        wanted = sorted(each.envelope.id for each in good)
        eventually(lambda: stored(store, tenant) == wanted)
        asked = (
            "SELECT key FROM coordination.parked WHERE reader LIKE %s AND key LIKE %s"
        )
        eventually(
            lambda: rows(asked, ("analytics.%", f"{tenant}:%")) == [(f"{tenant}:b1",)]
        )


@pytest.fixture
def store(stack: Settings) -> Iterator[Client]:
    client = migrate.analyst_store(stack)
    yield client
    client.close()


def stored(store: Client, tenant: str) -> list[str]:
    found = store.query(
        "SELECT event_id FROM contentops.events WHERE tenant = {t:String}",
        parameters={"t": tenant},
    )
    return sorted(row[0] for row in found.result_rows)


def explode(record: Record[Data]) -> Iterator[Reaction]:
    if isinstance(record.data, ProjectCreated) and record.data.name == SPOILT:
        raise ZeroDivisionError("a reaction with a mistake")
    if isinstance(record.data, ProjectCreated) and record.data.name.startswith("go"):
        yield Reaction(CreateProject(record.data.name), record.subject_id)


def test_a_reaction_that_raises_parks_the_stream_and_the_rest_goes_on(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    bad = Bad(log, tenant)
    reactions: dict[str, React] = {"explode": explode}
    poison = log.append([bad.project("p", SPOILT)])
    log.append([bad.project("p", "go behind"), bad.project("q", "go on")])
    bad.put(bad.project("r"), value=b"{")

    def react(stop: threading.Event) -> None:
        reactor.run(stack.need("kafka"), stack.dsn("worker"), reactions, utc_now, stop)

    with running(react):
        eventually(lambda: len(held(rows, "reactor", tenant)) == 3)
    found = held(rows, "reactor", tenant)
    assert [row[0] for row in found] == [f"{tenant}:p", f"{tenant}:p", f"{tenant}:r"]
    assert "ZeroDivisionError" in str(found[0][1])
    place = f"{TOPIC}:{poison[0].partition}:{poison[0].offset}"
    parked.drop(stack, "reactor", place, "known", lambda _: None)
    assert [row[0] for row in held(rows, "reactor", tenant)] == [f"{tenant}:r"]


def test_too_many_parked_streams_stop_the_reader_with_a_sentence(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """Then the cause is not in the records; nothing of the batch is written."""
    reader = reader_of(stack, "projects")
    with closing(Projector(projector_source(stack, "by hand"))) as own:
        step_until(own, lambda: own.assigned() != [])
        log.append([log.record(ProjectCreated("g"), "project", "g", tenant)])
        step_until(own, lambda: names(rows, tenant) == ["g"])
        rows(
            "INSERT INTO coordination.parked SELECT %s, 't', 0, n, 'k' || n, '', 'r'"
            " FROM generate_series(1, %s) n",
            (reader, allowed(0)),
        )
        log.append([log.record(ProjectCreated(SPOILT), "project", "p", tenant)])
        with pytest.raises(TooManyParked, match="contentops parked list"):
            step_until(own, lambda: False)
        assert held(rows, reader, tenant) == []
    rows("DELETE FROM coordination.parked")
    with closing(Projector(projector_source(stack, "by hand"))) as own:
        step_until(own, lambda: len(held(rows, reader, tenant)) == 1)


def test_a_wrong_place_or_no_reason_is_a_wrong_use(stack: Settings) -> None:
    for place, why in (("nonsense", "x"), (f"{TOPIC}:0", "x"), (f"{TOPIC}:0:0", " ")):
        with pytest.raises(Stop) as refusal:
            parked.drop(stack, "projects", place, why, lambda _: None)
        assert refusal.value.code == 2
    with pytest.raises(Stop, match="Nothing of"):
        parked.replay(stack, "projects", "t:nobody", lambda _: None)


def test_the_list_is_json_for_scripts(
    projecting: None, stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    bad = Bad(log, tenant)
    bad.put(bad.project("b"), value=b"{")
    reader = reader_of(stack, "projects")
    eventually(lambda: len(held(rows, reader, tenant)) == 1)
    said: list[str] = []
    parked.show(stack, "projects", as_json=True, say=said.append)

    (found,) = [msgspec.json.decode(line) for line in said if tenant in line]
    assert found["reader"] == reader
    assert found["stream"] == f"{tenant}:b"
    assert found["place"].startswith(TOPIC)
