"""What a lease promises, on a real Postgres with the real tables."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest

from infra.settings import Settings
from projections.tasks.query import AHEAD
from schemas.jobs import ProbeInput, Settled
from streams.domain.job import HIGHEST
from streams.leases import TAKE, Leased, Leases
from streams.pools import Pool, open_pool
from streams.queue import STEP_S

LEASE_S = 0.6
PAST = datetime(2026, 1, 1, tzinfo=UTC)
RESULT = msgspec.json.encode(Settled("seen")).decode()
INPUT = msgspec.json.encode(ProbeInput("t/a", "0" * 64)).decode()

INSERT = """
INSERT INTO rm_tasks_v1.tasks (tenant, id, version, event_id, created_at, updated_at,
  role, kind, subject, input, status, attempt, max_attempts, priority, not_before,
  requested_event_id, correlation, token)
VALUES (%(tenant)s, %(id)s, 1, %(id)s, %(created)s, now(), %(role)s, 'probe',
  'asset/1', %(input)s, %(status)s, 0, 3, %(priority)s, %(not_before)s, 'e', 'c', '')
"""


MANY = """
INSERT INTO rm_tasks_v1.tasks (tenant, id, version, event_id, created_at, updated_at,
  role, kind, subject, input, status, attempt, max_attempts, priority)
SELECT %s, gen_random_uuid(), 1, 'e', %s::timestamptz + n * interval '1 second', now(),
  %s, 'probe', 'asset/1', %s, 'waiting', 0, 3, 0 FROM generate_series(1, %s) n
"""


def rows_read(plan: dict[str, Any]) -> float:
    """Rows that came out of scans, and those that were looked at and left out."""
    own = plan.get("Actual Loops", 1) * (
        plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
    )
    inner = sum(rows_read(each) for each in plan.get("Plans", ()))
    return inner + (own if "Scan" in plan["Node Type"] else 0)


class Shop:
    """Tasks of one role of its own, so that tests do not see each other's."""

    def __init__(self, pool: Pool, owner: psycopg.Connection) -> None:
        self.role = f"role-{uuid4().hex[:8]}"
        self.leases = Leases(pool, LEASE_S)
        self._owner = owner

    def task(
        self,
        tenant: str = "t1",
        *,
        status: str = "waiting",
        priority: int = 0,
        not_before: datetime | None = None,
        created: datetime = PAST,
    ) -> str:
        id_ = str(uuid4())
        values = {
            "tenant": tenant,
            "id": id_,
            "role": self.role,
            "input": INPUT,
            "status": status,
            "priority": priority,
            "not_before": not_before,
            "created": created,
        }
        self._owner.execute(INSERT, values)
        return id_

    def show(self, job_id: str, status: str, token: str = "") -> None:
        """What the projection does once it has seen the next event."""
        self._owner.execute(
            "UPDATE rm_tasks_v1.tasks SET status = %s, token = %s WHERE id = %s",
            (status, token, job_id),
        )

    def many(self, tenant: str, count: int) -> None:
        """Waiting jobs, a second apart, and statistics that know of them."""
        self._owner.execute(MANY, (tenant, PAST, self.role, INPUT, count))
        self.count()

    def count(self) -> None:
        for table in ("rm_tasks_v1.tasks", "coordination.leases"):
            self._owner.execute(f"ANALYZE {table}".encode())

    def change(self, job_id: str, values: str) -> None:
        update = f"UPDATE rm_tasks_v1.tasks SET {values} WHERE id = %s"
        self._owner.execute(update, (job_id,))

    def plan(self, setting: str = "SELECT") -> dict[str, Any]:
        """How Postgres went about one lease that is not kept."""
        asked = {
            "roles": [self.role],
            "owner": "w",
            "token": "t",
            "deaths": 2,
            "labels": [],
            "seconds": 1,
        }
        with self._owner.transaction(force_rollback=True):
            self._owner.execute(setting)
            self._owner.execute("SET LOCAL enable_bitmapscan = off")
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {TAKE}"
            found = self._owner.execute(explain, asked).fetchone()
        assert found is not None
        top: dict[str, Any] = found[0][0]["Plan"]
        return top

    async def lease(self, owner: str = "w") -> Leased | None:
        return await self.leases.lease(self.role, owner, uuid4().hex)

    async def some(self, owner: str = "w") -> Leased:
        found = await self.lease(owner)
        assert found is not None
        return found

    async def runs_out(self, job_id: str) -> None:
        """Until the lease's time is over, by the clock that counts."""
        asked = (
            "SELECT 1 FROM coordination.leases"
            " WHERE job_id = %s AND until <= clock_timestamp()"
        )
        async with asyncio.timeout(10):
            while True:
                if self._owner.execute(asked, (job_id,)).fetchone():
                    return
                await asyncio.sleep(0.05)

    def deaths(self, job_id: str) -> int:
        found = self._owner.execute(
            "SELECT deaths FROM coordination.leases WHERE job_id = %s", (job_id,)
        ).fetchone()
        return found[0] if found else 0


@pytest.fixture
async def shop(stack: Settings) -> AsyncIterator[Shop]:
    with psycopg.connect(stack.dsn("owner"), autocommit=True) as owner:
        async with open_pool(stack.dsn("worker"), smallest=2, largest=8) as pool:
            yield Shop(pool, owner)


async def expired(shop: Shop, owner: str = "w") -> Leased:
    """Wait until a held lease ran out and is handed to somebody else."""
    async with asyncio.timeout(10):
        while True:
            found = await shop.lease(owner)
            if found is not None:
                return found
            await asyncio.sleep(0.05)


async def test_a_lease_carries_the_job_and_nobody_else_gets_it(shop: Shop) -> None:
    job_id = shop.task()

    leased = await shop.some()

    job = leased.job()
    assert (job.id, job.attempt, job.token) == (job_id, 1, leased.token)
    assert job.asked(ProbeInput).object_key == "t/a"
    assert await shop.lease() is None


async def test_many_workers_at_once_never_share_a_job(shop: Shop) -> None:
    jobs = {shop.task() for _ in range(12)}

    found = await asyncio.gather(*(shop.lease(f"w{n}") for n in range(20)))

    # One that lost a race may come away with nothing; it asks again.
    got = [each.job_id for each in found if each]
    while (more := await shop.lease()) is not None:
        got.append(more.job_id)
    assert sorted(got) == sorted(jobs)


async def test_a_step_of_priority_counts_as_a_minute_waited(shop: Shop) -> None:
    old = shop.task(created=PAST)
    urgent = shop.task(priority=5, created=PAST + timedelta(seconds=299))
    later = shop.task(priority=5, created=PAST + timedelta(seconds=301))

    order = [(await shop.some()).job_id for _ in range(3)]

    assert order == [urgent, old, later]


async def test_nobody_is_passed_by_what_comes_after_the_bound(shop: Shop) -> None:
    """The lowest priority against a stream of the highest: twenty minutes at most."""
    bound = timedelta(seconds=2 * HIGHEST * STEP_S)
    patient = shop.task(priority=-HIGHEST, created=PAST)
    within = shop.task(priority=HIGHEST, created=PAST + bound - timedelta(seconds=1))
    for minute in range(1, 5):
        after = PAST + bound + timedelta(minutes=minute)
        shop.task(priority=HIGHEST, created=after)

    order = [(await shop.some()).job_id for _ in range(2)]

    assert order == [within, patient]


async def test_the_tenant_least_served_now_is_next(shop: Shop) -> None:
    for minute in range(4):
        shop.task("greedy", created=PAST + timedelta(minutes=minute), priority=HIGHEST)
    shop.task("modest", created=PAST + timedelta(days=1))

    tenants = [(await shop.some()).tenant for _ in range(4)]

    assert tenants[:2] == ["greedy", "modest"]
    assert tenants[2:] == ["greedy", "greedy"]


async def test_ten_thousand_jobs_of_one_tenant_do_not_delay_anothers_first(
    shop: Shop,
) -> None:
    """One worker of two slots: the newcomer has the next slot that comes free."""
    shop.many("greedy", 10_000)
    first, _second = await shop.some(), await shop.some()
    newcomer = shop.task("modest", created=PAST + timedelta(days=2))
    await shop.leases.release(first.job_id, first.token, done=True)

    assert (await shop.some()).job_id == newcomer


async def test_a_lease_looks_at_a_few_rows_however_many_wait(shop: Shop) -> None:
    shop.many("greedy", 10_000)
    for tenant in range(30):
        shop.task(f"small-{tenant}")

    shop.count()
    plan = shop.plan()

    # A thousand by itself; rows that other tests left count as well.
    assert rows_read(plan) < 5000
    assert rows_read(shop.plan("SET enable_indexscan = off")) > 10_000


async def test_what_waits_for_a_parent_or_is_overdue_is_not_leased(shop: Shop) -> None:
    shop.task(status="waiting_for_parent")
    overdue = shop.task()
    shop.change(overdue, "deadline = now() - interval '1 second'")

    assert await shop.lease() is None


async def test_an_earlier_result_of_the_same_digest_comes_with_the_lease(
    shop: Shop,
) -> None:
    done = shop.task(status="completed")
    again, old, other = shop.task(), shop.task(), shop.task("t2")
    reusable = f"digest = '{done}', reuse_days = 7"
    shop.change(done, f"{reusable}, ended_at = now(), result = '{RESULT}'")
    shop.change(again, reusable)
    shop.change(old, f"digest = '{done}', reuse_days = 0")
    shop.change(other, reusable)

    found = {each.job_id: each for each in [await shop.some() for _ in range(3)]}

    assert found[again].earlier() == Settled("seen")
    assert found[again].reused == done
    assert found[old].earlier() is None
    assert found[other].earlier() is None


async def test_a_result_that_is_too_old_is_not_reused(shop: Shop) -> None:
    done, again = shop.task(status="completed"), shop.task()
    reusable = f"digest = '{done}', reuse_days = 7"
    ended = "ended_at = now() - interval '8 days'"
    shop.change(done, f"{reusable}, {ended}, result = '{RESULT}'")
    shop.change(again, reusable)

    assert (await shop.some()).earlier() is None


async def test_what_is_not_due_or_ended_is_not_leased(shop: Shop) -> None:
    shop.task(not_before=datetime.now(UTC) + timedelta(hours=1))
    for status in ("completed", "failed", "cancelled", "lost"):
        shop.task(status=status)

    assert await shop.lease() is None


async def test_a_heartbeat_keeps_it_and_without_one_it_is_lost(shop: Shop) -> None:
    shop.task()
    begun = monotonic()
    first = await shop.some("one")
    async with asyncio.timeout(10):
        while monotonic() < begun + 2 * LEASE_S:
            assert await shop.leases.keep(first.job_id, first.token) == "held"
            await asyncio.sleep(LEASE_S / 4)
    assert await shop.lease("two") is None

    second = await expired(shop, "two")

    assert second.token != first.token
    assert await shop.leases.keep(first.job_id, first.token) == "gone"
    assert await shop.leases.keep(second.job_id, second.token) == "held"
    assert shop.deaths(first.job_id) == 1


async def test_two_deaths_and_it_is_not_leased_again(shop: Shop) -> None:
    job_id = shop.task()
    await shop.some()
    await expired(shop)
    await shop.runs_out(job_id)

    assert await shop.lease() is None
    assert shop.deaths(job_id) == 1


async def test_given_back_it_is_no_death_and_free_at_once(shop: Shop) -> None:
    job_id = shop.task()
    first = await shop.some()
    await shop.leases.release(job_id, first.token, done=False)

    second = await shop.some("two")

    assert second.job_id == job_id
    assert shop.deaths(job_id) == 0


async def test_a_sent_result_keeps_it_back_until_the_rows_know(shop: Shop) -> None:
    job_id = shop.task()
    first = await shop.some()
    await shop.leases.release(job_id, first.token, done=True)
    assert await shop.lease() is None

    shop.show(job_id, "running", first.token)
    assert await shop.lease() is None

    shop.show(job_id, "retrying", "an older token")
    assert await shop.lease() is None

    shop.show(job_id, "retrying", first.token)
    assert (await shop.some()).job_id == job_id


async def test_the_heartbeat_says_when_nobody_wants_the_job(shop: Shop) -> None:
    job_id = shop.task()
    leased = await shop.some()

    shop.show(job_id, "cancelled")

    assert await shop.leases.keep(job_id, leased.token) == "ended"


async def test_only_the_holder_can_give_it_back(shop: Shop) -> None:
    job_id = shop.task()
    await shop.some()

    await shop.leases.release(job_id, "a stranger's token", done=False)

    assert await shop.lease() is None


async def test_without_a_lease_row_a_running_job_is_taken_over(shop: Shop) -> None:
    """Coordination was lost: the log still counts one result."""
    job_id = shop.task(status="running")

    assert (await shop.some()).job_id == job_id


async def test_a_task_is_told_how_many_of_its_tenant_come_before_it(
    shop: Shop, stack: Settings
) -> None:
    """In the order of leases, and nobody counts another tenant's."""
    shop.task("other", created=PAST - timedelta(days=1))
    tasks = [
        shop.task("mine", created=PAST + timedelta(seconds=200)),
        shop.task("mine", created=PAST + timedelta(seconds=300), priority=2),
        shop.task("mine", created=PAST),
    ]
    with psycopg.connect(stack.dsn("api")) as api:
        api.execute("SELECT set_config('app.tenant', 'mine', false)")
        ahead = [api.execute(AHEAD, (task,)).fetchone() for task in tasks]

    assert ahead == [(2,), (1,), (0,)]
    leased = [await shop.some() for _ in range(4)]
    order = [each.job_id for each in leased if each.tenant == "mine"]
    assert order == tasks[::-1]
