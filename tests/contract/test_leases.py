"""What a lease promises, on a real Postgres with the real tables."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import uuid4

import msgspec
import psycopg
import pytest

from infra.settings import Settings
from schemas.jobs import ProbeInput
from streams.leases import Leased, Leases
from streams.pools import Pool, open_pool

LEASE_S = 0.6
PAST = datetime(2026, 1, 1, tzinfo=UTC)
INPUT = msgspec.json.encode(ProbeInput("t/a", "0" * 64)).decode()

INSERT = """
INSERT INTO rm_tasks_v1.tasks (tenant, id, version, event_id, created_at, updated_at,
  role, kind, subject, input, status, attempt, max_attempts, priority, not_before,
  requested_event_id, correlation, token)
VALUES (%(tenant)s, %(id)s, 1, %(id)s, %(created)s, now(), %(role)s, 'probe',
  'asset/1', %(input)s, %(status)s, 0, 3, %(priority)s, %(not_before)s, 'e', 'c', '')
"""


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


async def test_priority_goes_before_fairness_and_age(shop: Shop) -> None:
    shop.task()
    urgent = shop.task(priority=5, created=PAST + timedelta(days=1))

    assert (await shop.some()).job_id == urgent


async def test_the_tenant_least_served_now_is_next(shop: Shop) -> None:
    for minute in range(4):
        shop.task("greedy", created=PAST + timedelta(minutes=minute))
    shop.task("modest", created=PAST + timedelta(days=1))

    tenants = [(await shop.some()).tenant for _ in range(4)]

    assert tenants[:2] == ["greedy", "modest"]
    assert tenants[2:] == ["greedy", "greedy"]


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
