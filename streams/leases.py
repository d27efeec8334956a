"""Leases: who works on which job now, one Postgres row per job.

A lease keeps two workers from starting the same job. It does not decide who is
right; the token in the log does. The clock of all leases is Postgres' own.
"""

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct
from psycopg.rows import class_row

from schemas.jobs import JobInput
from streams.agents.work import Job
from streams.pools import Pool

DEATHS = 2
ENDED = frozenset({"completed", "failed", "cancelled", "lost"})

# A finished attempt keeps its job back until the read model has seen the result,
# and for a minute at most: then the log, which knows, is asked again.
DONE_S = 60.0

# Rows are made first: an outer join cannot be locked.
PREPARE = """
INSERT INTO coordination.leases
  (job_id, tenant, role, token, owner, until, deaths, done)
SELECT t.id, t.tenant, t.role, '', '', '-infinity', 0, false
FROM read.tasks t
WHERE t.role = %(role)s AND t.status IN ('waiting', 'retrying', 'running')
  AND NOT EXISTS (SELECT FROM coordination.leases l WHERE l.job_id = t.id)
ON CONFLICT (job_id) DO NOTHING
"""

# Free: nobody holds it, or its holder died, or the attempt that ended is to be
# repeated. The holder's second death is for the dispatcher to report.
FREE = """
(t.status = 'running' OR t.status IN ('waiting', 'retrying')
  AND (t.not_before IS NULL OR t.not_before <= clock_timestamp()))
AND (l.until <= clock_timestamp()
  OR l.done AND t.status = 'retrying' AND t.token = l.token)
AND NOT (l.owner <> '' AND NOT l.done AND l.deaths + 1 >= %(deaths)s)
"""

TAKE = f"""
WITH busy AS (
  SELECT tenant, count(*) AS running FROM coordination.leases
  WHERE owner <> '' AND NOT done AND until > clock_timestamp() GROUP BY tenant
), best AS (
  SELECT l.job_id FROM read.tasks t
  JOIN coordination.leases l ON l.job_id = t.id
  LEFT JOIN busy ON busy.tenant = t.tenant
  WHERE t.role = %(role)s AND {FREE}
  ORDER BY t.priority DESC, coalesce(busy.running, 0),
    coalesce(t.not_before, t.created_at), t.id
  LIMIT 1 FOR UPDATE OF l SKIP LOCKED
)
UPDATE coordination.leases l
SET deaths = l.deaths + (l.owner <> '' AND NOT l.done)::int,
    token = %(token)s, owner = %(owner)s, done = false,
    until = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM best JOIN read.tasks t ON t.id = best.job_id
WHERE l.job_id = best.job_id
RETURNING l.job_id, t.tenant, t.subject, t.input::text AS input, l.token,
  coalesce(t.requested_event_id, '') AS requested,
  coalesce(t.correlation, '') AS correlation,
  coalesce(t.attempt, 0) AS attempt, t.max_attempts
"""  # noqa: S608  both parts are constants of this module

KEEP = """
UPDATE coordination.leases l
SET until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE l.job_id = %(job)s AND l.token = %(token)s AND NOT l.done
RETURNING (SELECT t.status FROM read.tasks t
  WHERE t.tenant = l.tenant AND t.id = l.job_id)
"""

RELEASE = """
UPDATE coordination.leases
SET done = %(done)s, owner = '',
    until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE job_id = %(job)s AND token = %(token)s
"""

Kept: TypeAlias = Literal["held", "gone", "ended"]


class Leased(Struct, frozen=True):
    """A task row with the token of its fresh lease."""

    job_id: str
    tenant: str
    subject: str
    input: str
    token: str
    requested: str
    correlation: str
    attempt: int
    max_attempts: int

    def job(self) -> Job:
        return Job(
            id=self.job_id,
            tenant=self.tenant,
            subject=self.subject,
            input=_INPUT.decode(self.input),
            token=self.token,
            requested=self.requested,
            correlation=self.correlation,
            attempt=self.attempt + 1,
            max_attempts=self.max_attempts,
        )


_INPUT: msgspec.json.Decoder[JobInput] = msgspec.json.Decoder(JobInput)


class Leases:
    """Safe to share between the tasks of one process."""

    def __init__(self, pool: Pool, lease_s: float = 15.0) -> None:
        self._pool = pool
        self._lease_s = lease_s

    async def lease(self, role: str, owner: str, token: str) -> Leased | None:
        """The best due job of this role for us: priority, then the tenant least
        served now, then age. `token` is fresh and random for every call.
        """
        asked = {"role": role, "owner": owner, "token": token, "deaths": DEATHS}
        async with self._pool.connection() as connection:
            await connection.execute(PREPARE, asked)
            async with connection.cursor(row_factory=class_row(Leased)) as cursor:
                await cursor.execute(TAKE, {**asked, "seconds": self._lease_s})
                return await cursor.fetchone()

    async def keep(self, job_id: str, token: str) -> Kept:
        """The heartbeat: `gone` = somebody else has it, `ended` = nobody wants it."""
        asked = {"job": job_id, "token": token, "seconds": self._lease_s}
        async with self._pool.connection() as connection:
            found = await (await connection.execute(KEEP, asked)).fetchone()
        if found is None:
            return "gone"
        return "ended" if found[0] in ENDED else "held"

    async def release(self, job_id: str, token: str, *, done: bool) -> None:
        """`done` = a result was sent; else another worker may start at once."""
        seconds = DONE_S if done else 0.0
        asked = {"job": job_id, "token": token, "done": done, "seconds": seconds}
        async with self._pool.connection() as connection:
            await connection.execute(RELEASE, asked)
