"""The dispatcher against real rows and a real broker: bells, timers, lost jobs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import psycopg
import pytest

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.asset import AbandonUpload, PurgeAsset, TrashAsset
from schemas.commands.job import ExpireJob, LoseJob
from schemas.commands.publication import FirePublication
from schemas.envelope import Record
from schemas.jobs import ProbeInput
from schemas.registry import Command
from schemas.topics import ASSET, JOB, JOBS, PUBLICATION
from streams import dispatcher as role
from streams.dispatcher import GRACE_S, TRASH_KEPT, Dispatcher, announced
from streams.log import Log
from streams.places import ends_of
from streams.queue import AHEAD
from tests.integration.rolling import Site, Tail, site, until_async

PAST = datetime(2026, 1, 1, tzinfo=UTC)
TASK = """
INSERT INTO rm_tasks_v1.tasks (tenant, id, version, event_id, created_at, updated_at,
  role, kind, subject, input, status, attempt, max_attempts, priority, not_before)
VALUES (%(tenant)s, %(id)s, 1, %(id)s, now(), now(), 'media', 'probe', 'asset/1',
  %(input)s, %(status)s, %(attempt)s, 3, %(priority)s, %(not_before)s)
"""
TIMER = """
INSERT INTO rm_timers_v1.timers (tenant, id, version, event_id, created_at, updated_at,
  kind, subject_id, at, state, correlation)
VALUES (%(tenant)s, %(id)s, 1, %(event)s, now(), now(), %(kind)s, %(subject)s, %(at)s,
  %(state)s, 'c')
"""
VIDEO = """
INSERT INTO rm_videos_v1.videos (tenant, id, version, event_id, created_at, updated_at,
  asset_id) VALUES (%(tenant)s, 'v', 1, 'e', now(), now(), 'wanted')
"""
PLAN = """
INSERT INTO rm_publications_v1.publications (tenant, id, version, event_id, created_at,
  updated_at, video_id, status)
VALUES (%(tenant)s, 'p', 1, 'e', now(), now(), 'v', %(status)s)
"""
PUBLISHED = """
UPDATE rm_publications_v1.publications SET status = 'published' WHERE tenant = %s
"""
LEASE = """
INSERT INTO coordination.leases (job_id, tenant, role, token, owner, until, deaths)
VALUES (%(id)s, %(tenant)s, 'media', 'tok', %(owner)s,
  now() + %(left)s * interval '1 second', %(deaths)s)
"""
OLDER = """
UPDATE coordination.dispatch_marks SET at = at - interval '6 seconds' WHERE id = %s
"""
INPUT = msgspec.json.encode(ProbeInput("t/a", "0")).decode()


class Desk:
    def __init__(self, town: Site, dispatcher: Dispatcher, bells: Tail) -> None:
        self.town = town
        self.dispatcher = dispatcher
        self._bells = bells

    def task(
        self,
        status: str = "waiting",
        *,
        attempt: int = 0,
        not_before: datetime | None = None,
        priority: int = 0,
    ) -> str:
        id_ = str(uuid4())
        values = {
            "tenant": self.town.tenant,
            "id": id_,
            "input": INPUT,
            "status": status,
            "attempt": attempt,
            "not_before": not_before,
            "priority": priority,
        }
        self.town.owner.execute(TASK, values)
        return id_

    def timer(
        self,
        at: datetime,
        state: str = "armed",
        *,
        kind: str = "publication",
        subject: str | None = None,
    ) -> str:
        id_ = str(uuid4())
        values = {
            "kind": kind,
            "subject": subject,
            "tenant": self.town.tenant,
            "id": id_,
            "event": f"event of {id_}",
            "at": at,
            "state": state,
        }
        self.town.owner.execute(TIMER, values)
        return id_

    def deadline(self, job_id: str, at: datetime) -> None:
        update = "UPDATE rm_tasks_v1.tasks SET deadline = %s WHERE id = %s"
        self.town.owner.execute(update, (at, job_id))

    def lease(self, job_id: str, *, owner: str, left: float, deaths: int = 0) -> None:
        values = {
            "id": job_id,
            "tenant": self.town.tenant,
            "owner": owner,
            "left": left,
            "deaths": deaths,
        }
        self.town.owner.execute(LEASE, values)

    def later(self, id_: str) -> None:
        """As if the mark had been set five seconds earlier."""
        self.town.owner.execute(OLDER, (id_,))

    def bells(self) -> Counter[str]:
        return Counter((each.key() or b"").decode() for each in self._bells.read())

    def rung(self, job_id: str) -> int:
        return self.bells()[job_id]

    async def rings(self, job_id: str, times: int) -> None:
        await self.dispatcher.tick()
        await until_async(lambda: self.rung(job_id) >= times, 10)
        assert self.rung(job_id) == times

    async def silent(self, *job_ids: str) -> None:
        """A later bell has come and these have not."""
        await self.rings(self.task(), 1)
        assert [self.rung(job_id) for job_id in job_ids] == [0] * len(job_ids)


@pytest.fixture
async def desk(stack: Settings) -> AsyncIterator[Desk]:
    with site(stack) as town, town.following(JOBS["media"].name) as bells:
        log = Log(town.kafka)
        connection = await psycopg.AsyncConnection.connect(
            stack.dsn("worker"), autocommit=True
        )
        async with connection:
            yield Desk(town, Dispatcher(connection, log, utc_now), bells)
        await log.close()
        town.owner.execute(
            "DELETE FROM rm_tasks_v1.tasks WHERE tenant = %s", (town.tenant,)
        )
        town.owner.execute(
            "DELETE FROM rm_timers_v1.timers WHERE tenant = %s", (town.tenant,)
        )


async def test_a_due_job_is_rung_once_and_again_after_five_seconds(desk: Desk) -> None:
    job_id = desk.task()
    await desk.rings(job_id, 1)
    await desk.rings(job_id, 1)

    desk.later(job_id)

    await desk.rings(job_id, 2)


async def test_another_attempt_is_rung_at_once(desk: Desk) -> None:
    job_id = desk.task()
    await desk.rings(job_id, 1)

    desk.town.owner.execute(
        "UPDATE rm_tasks_v1.tasks SET status = 'retrying', attempt = 1 WHERE id = %s",
        (job_id,),
    )

    await desk.rings(job_id, 2)


async def test_nobody_is_rung_for_what_is_not_due(desk: Desk) -> None:
    held = desk.task("running")
    desk.lease(held, owner="w", left=60)
    await desk.silent(
        held,
        desk.task(not_before=utc_now() + timedelta(hours=1)),
        desk.task("completed"),
        desk.task("cancelled"),
    )


async def test_a_running_job_whose_holder_died_is_rung(desk: Desk) -> None:
    job_id = desk.task("running", attempt=1)
    desk.lease(job_id, owner="w", left=-1)

    await desk.rings(job_id, 1)


async def test_a_due_timer_fires_under_an_id_that_never_changes(desk: Desk) -> None:
    with desk.town.following(PUBLICATION.commands.name) as tail:
        publication_id = desk.timer(PAST)
        await desk.dispatcher.tick()
        await desk.dispatcher.tick()
        desk.later(publication_id)
        await desk.dispatcher.tick()

        commands = await until_async(lambda: _two(tail.commands(desk.town.tenant)), 10)

    assert {each.envelope.id for each in commands} == {commands[0].envelope.id}
    first = commands[0]
    assert isinstance(first.data, FirePublication)
    assert first.data.at == PAST
    assert first.data.fired_at == first.envelope.time
    assert first.data.grace_s == GRACE_S
    assert first.envelope.aggregate_id == publication_id
    assert first.envelope.cause == f"event of {publication_id}"
    assert first.envelope.correlation == "c"


async def test_an_asset_leaves_when_its_time_is_up_and_its_files_later(
    desk: Desk,
) -> None:
    with desk.town.following(ASSET.commands.name) as tail:
        desk.timer(PAST, kind="asset_keep", subject="kept until now")
        desk.timer(PAST, kind="asset_purge", subject="in the trash")
        await desk.dispatcher.tick()

        commands = await until_async(lambda: _two(tail.commands(desk.town.tenant)), 10)

    found = {each.envelope.aggregate_id: each.data for each in commands}
    assert found == {
        "kept until now": TrashAsset(purge_at=PAST + TRASH_KEPT, expired=PAST),
        "in the trash": PurgeAsset(at=PAST),
    }


async def test_an_upload_is_given_up_when_its_time_is_up(desk: Desk) -> None:
    with desk.town.following(ASSET.commands.name) as tail:
        desk.timer(PAST, kind="asset_upload", subject="cut off")
        await desk.dispatcher.tick()
        (found,) = await until_async(lambda: tail.commands(desk.town.tenant), 10)

    assert found.envelope.aggregate_id == "cut off"
    assert found.data == AbandonUpload(at=PAST)


async def test_files_stay_while_somebody_is_about_to_publish_them(desk: Desk) -> None:
    planned = {"tenant": desk.town.tenant, "status": "scheduled"}
    desk.town.owner.execute(VIDEO, planned)
    desk.town.owner.execute(PLAN, planned)
    with desk.town.following(ASSET.commands.name) as tail:
        desk.timer(PAST, kind="asset_purge", subject="wanted")
        desk.timer(PAST, kind="asset_purge", subject="unused")
        await desk.dispatcher.tick()
        first = await until_async(lambda: tail.commands(desk.town.tenant), 10)
        desk.town.owner.execute(PUBLISHED, (desk.town.tenant,))
        await desk.dispatcher.tick()
        commands = await until_async(lambda: _two(tail.commands(desk.town.tenant)), 10)

    assert [each.envelope.aggregate_id for each in first] == ["unused"]
    assert [each.envelope.aggregate_id for each in commands] == ["unused", "wanted"]


async def test_timers_that_are_not_due_or_done_do_not_fire(desk: Desk) -> None:
    with desk.town.following(PUBLICATION.commands.name) as tail:
        desk.timer(utc_now() + timedelta(hours=1))
        desk.timer(PAST, "done")
        due = desk.timer(PAST)
        await desk.dispatcher.tick()

        commands = await until_async(lambda: tail.commands(desk.town.tenant), 10)

    assert [each.envelope.aggregate_id for each in commands] == [due]


async def test_a_job_is_ended_at_its_deadline_and_not_before(desk: Desk) -> None:
    with desk.town.following(JOB.commands.name) as tail:
        late, running = desk.task(), desk.task("running", attempt=1)
        parked, soon = desk.task("waiting_for_parent"), desk.task()
        over = desk.task("completed")
        for job_id in (late, running, parked, over):
            desk.deadline(job_id, PAST)
        desk.deadline(soon, utc_now() + timedelta(hours=1))
        await desk.dispatcher.tick()
        await desk.dispatcher.tick()

        commands = await until_async(lambda: tail.commands(desk.town.tenant), 10)

    found = {each.envelope.aggregate_id: each.data for each in commands}
    assert found == dict.fromkeys((late, running, parked), ExpireJob(PAST))
    assert len(commands) == 3


async def test_only_the_first_of_a_line_are_rung_for(desk: Desk) -> None:
    """A bell assigns nothing: whoever takes the first looks for the next."""
    jobs = [desk.task() for _ in range(3 * AHEAD)]
    await desk.dispatcher.tick()
    await desk.dispatcher.tick()

    await until_async(lambda: len(desk.bells().keys() & set(jobs)) >= AHEAD, 10)
    await desk.dispatcher.tick()
    assert len(desk.bells().keys() & set(jobs)) == AHEAD


async def test_the_second_death_loses_the_job_and_the_first_does_not(
    desk: Desk,
) -> None:
    with desk.town.following(JOB.commands.name) as tail:
        once, twice = desk.task("running"), desk.task("running")
        desk.lease(once, owner="w", left=-1)
        desk.lease(twice, owner="w", left=-1, deaths=1)
        await desk.dispatcher.tick()
        await desk.dispatcher.tick()

        commands = await until_async(lambda: tail.commands(desk.town.tenant), 10)

    assert [(each.data, each.envelope.aggregate_id) for each in commands] == [
        (LoseJob(2), twice)
    ]


async def test_two_dispatchers_share_the_work(desk: Desk) -> None:
    connection = await psycopg.AsyncConnection.connect(
        desk.town.settings.dsn("worker"), autocommit=True
    )
    log = Log(desk.town.kafka)
    async with connection:
        other = Dispatcher(connection, log, utc_now)
        jobs = [desk.task(priority=n % 4) for n in range(30)]

        await asyncio.gather(desk.dispatcher.tick(), other.tick())

        await until_async(lambda: set(jobs) <= desk.bells().keys(), 10)
    await log.close()
    found = desk.bells()
    assert [found[each] for each in jobs] == [1] * 30


async def test_the_sweep_keeps_what_is_still_wanted(desk: Desk) -> None:
    wanted, over = desk.task(), desk.task("completed")
    for job_id in (wanted, over):
        desk.lease(job_id, owner="", left=-90_000)

    await desk.dispatcher.sweep()

    left = "SELECT job_id FROM coordination.leases WHERE job_id = ANY(%s)"
    rows = desk.town.owner.execute(left, ([wanted, over],)).fetchall()
    assert rows == [(wanted,)]


async def test_ends_are_the_brokers_own(desk: Desk) -> None:
    topic = JOBS["media"].name
    before = await asyncio.to_thread(ends_of, desk.town.kafka, [topic])
    desk.town.ring(JOBS["media"], str(uuid4()))
    after = await asyncio.to_thread(ends_of, desk.town.kafka, [topic])

    assert sum(after.values()) == sum(before.values()) + 1
    assert len(after) == desk.town.settings.partitions


async def test_the_role_waits_for_the_rows_and_then_rings(stack: Settings) -> None:
    """Positions are put behind the log's end first, then moved past it."""
    with site(stack) as town, town.following(JOBS["media"].name) as bells:
        connection = await psycopg.AsyncConnection.connect(
            stack.dsn("worker"), autocommit=True
        )
        desk = Desk(town, Dispatcher(connection, Log(town.kafka), utc_now), bells)
        kept = _positions(town)
        job_id = desk.task()
        stop = asyncio.Event()
        ends = await asyncio.to_thread(
            ends_of,
            town.kafka,
            [each.events.name for each in (JOB, PUBLICATION, ASSET)],
        )
        _move(town, dict.fromkeys(ends, -1))
        running = asyncio.create_task(
            role.run(town.kafka, stack.dsn("worker"), utc_now, stop)
        )
        try:
            await _ticks(connection)
            assert desk.rung(job_id) == 0
            _move(town, ends)
            await until_async(lambda: desk.rung(job_id), 20)
        finally:
            stop.set()
            await running
            _restore(town, kept)
            await connection.close()
            town.owner.execute(
                "DELETE FROM rm_tasks_v1.tasks WHERE tenant = %s", (town.tenant,)
            )


READERS = ("tasks.v1", "timers.v1")


def _positions(town: Site) -> list[tuple[object, ...]]:
    asked = "SELECT * FROM coordination.positions WHERE reader = ANY(%s)"
    return town.owner.execute(asked, (list(READERS),)).fetchall()


def _move(town: Site, ends: dict[tuple[str, int], int]) -> None:
    """Both readers stand there now."""
    for reader in READERS:
        for (topic, partition), offset in ends.items():
            town.owner.execute(
                "INSERT INTO coordination.positions (reader, topic, partition,"
                " topic_id, next_offset, reader_epoch, reader_owner)"
                " VALUES (%s, %s, %s, 'x', %s, 1, 'test')"
                " ON CONFLICT (reader, topic, partition) DO UPDATE"
                " SET next_offset = excluded.next_offset",
                (reader, topic, partition, offset),
            )


def _restore(town: Site, kept: list[tuple[object, ...]]) -> None:
    town.owner.execute(
        "DELETE FROM coordination.positions WHERE reader = ANY(%s)", (list(READERS),)
    )
    for row in kept:
        places = ", ".join(["%s"] * len(row))
        town.owner.execute(f"INSERT INTO coordination.positions VALUES ({places})", row)


async def _ticks(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Long enough for a role without a gate to have rung."""
    for _ in range(10):
        await connection.execute("SELECT pg_sleep(0.1)")


def _two(found: list[Record[Command]]) -> list[Record[Command]]:
    return found if len(found) >= 2 else []


async def test_it_sleeps_until_the_next_timer_and_no_longer_than_a_second(
    desk: Desk,
) -> None:
    desk.timer(utc_now() + timedelta(seconds=0.6))
    await desk.dispatcher.tick()

    soon = await desk.dispatcher.next_in()

    assert 0 < soon <= 0.6
    await asyncio.sleep(soon + 0.05)  # house: sleep: the wait itself is under test
    assert await desk.dispatcher.tick() >= 1
    assert 0 < await desk.dispatcher.next_in() <= 1


async def test_a_crowd_of_announcements_is_heard_once(desk: Desk) -> None:
    """Each batch announces itself; one pause for each would leave no time to work."""
    dsn = desk.town.settings.dsn("worker")
    async with (
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as hearing,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as telling,
    ):
        await hearing.execute("LISTEN crowd")
        for number in range(20):
            await telling.execute("SELECT pg_notify('crowd', %s)", (str(number),))

        await announced(hearing, 5)

        assert [each async for each in hearing.notifies(timeout=0)] == []
