"""Leases: who works on which job now, one Postgres row per job.

A lease keeps two workers from starting the same job. It does not decide who is
right; the token in the log does. The clock of all leases is Postgres' own.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct
from psycopg.rows import class_row

from schemas.jobs import JobInput, JobResult
from streams.agents.work import Job
from streams.pools import Pool
from streams.queue import DEATHS, TURNS

# Names this use of advisory locks; the second number is the job.
LEASING = 7_034

ENDED = frozenset({"completed", "failed", "cancelled", "lost", "parent_failed"})

# A finished attempt keeps its job back until the read model has seen the result,
# and for a minute at most: then the log, which knows, is asked again.
DONE_S = 60.0

# A job without a lease row cannot be locked, so askers lock its name. Whoever saw an
# older state of the row gets nothing: the row is looked at again when it is written.
TAKE = f"""
WITH {TURNS}, best AS (
  SELECT id, role, tenant, coalesce(token, '') AS seen FROM turns
  WHERE pg_try_advisory_xact_lock({LEASING}, hashtext(id)) LIMIT 1
), taken AS (
  INSERT INTO coordination.leases AS l
    (job_id, tenant, role, token, owner, until, deaths, done)
  SELECT id, tenant, role, %(token)s, %(owner)s,
    clock_timestamp() + make_interval(secs => %(seconds)s), 0, false FROM best
  ON CONFLICT (job_id) DO UPDATE
  SET deaths = l.deaths + (l.owner <> '' AND NOT l.done)::int,
      token = excluded.token, owner = excluded.owner, until = excluded.until,
      done = false
  WHERE l.token = (SELECT seen FROM best) AND (l.until <= clock_timestamp() OR l.done)
  RETURNING l.job_id, l.tenant, l.token
)
SELECT t.id AS job_id, t.tenant, t.subject, t.input::text AS input, taken.token,
  coalesce(t.requested_event_id, '') AS requested,
  coalesce(t.correlation, '') AS correlation,
  coalesce(t.traceparent, '') AS traceparent,
  extract(epoch FROM clock_timestamp()
    - coalesce(t.not_before, t.created_at)) AS waited,
  coalesce(t.attempt, 0) AS attempt, t.max_attempts,
  CASE WHEN t.status = 'running' THEN coalesce(t.token, '') ELSE '' END AS lost,
  coalesce(t.project_id, '') AS project_id,
  coalesce(t.requested_by, '') AS requested_by,
  coalesce(earlier.id, '') AS reused, coalesce(earlier.result, '') AS result
FROM taken JOIN read.tasks t ON t.tenant = taken.tenant AND t.id = taken.job_id
LEFT JOIN LATERAL (
  SELECT e.id, e.result::text AS result FROM read.tasks e
  WHERE e.tenant = t.tenant AND e.digest = t.digest AND t.reuse_days > 0
    AND e.status = 'completed' AND e.reuse_days > 0 AND e.kind = t.kind
    AND e.ended_at > statement_timestamp() - make_interval(days => t.reuse_days)
  ORDER BY e.ended_at DESC LIMIT 1) earlier ON true
"""  # noqa: S608  both parts are constants of this package

KEEP = """
UPDATE coordination.leases l
SET until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE l.job_id = %(job)s AND l.token = %(token)s AND NOT l.done
RETURNING (SELECT t.status FROM read.tasks t
  WHERE t.tenant = l.tenant AND t.id = l.job_id)
"""

ENDED_NOW = """
SELECT t.id FROM read.tasks t
JOIN unnest(%(tenants)s::text[], %(ids)s::text[]) AS held (tenant, id)
  ON t.tenant = held.tenant AND t.id = held.id
WHERE t.status = ANY(%(ended)s)
"""

RELEASE = """
UPDATE coordination.leases
SET done = %(done)s, owner = '',
    until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE job_id = %(job)s AND token = %(token)s
"""

Kept: TypeAlias = Literal["held", "gone", "ended"]


class Leased(Struct, frozen=True):
    """A task row with the token of its fresh lease.

    `reused` names the job whose `result` answers this one without any work; `waited`
    are the seconds since it was due. `lost`: see Job.
    """

    job_id: str
    tenant: str
    subject: str
    input: str
    token: str
    requested: str
    correlation: str
    attempt: int
    max_attempts: int
    reused: str = ""
    result: str = ""
    traceparent: str = ""
    waited: float = 0.0
    lost: str = ""
    project_id: str = ""
    requested_by: str = ""

    def earlier(self) -> JobResult | None:
        """What an earlier job of the same digest found out, if it may be reused."""
        return _RESULT.decode(self.result) if self.reused else None

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
            traceparent=self.traceparent,
            lost=self.lost,
            project_id=self.project_id,
            requested_by=self.requested_by,
        )


_INPUT: msgspec.json.Decoder[JobInput] = msgspec.json.Decoder(JobInput)
_RESULT: msgspec.json.Decoder[JobResult] = msgspec.json.Decoder(JobResult)


class Leases:
    """Safe to share between the tasks of one process."""

    def __init__(
        self, pool: Pool, lease_s: float = 15.0, labels: Sequence[str] = ()
    ) -> None:
        """`labels`: what this machine can do, beyond what every one can."""
        self._pool = pool
        self._labels = list(labels)
        self._lease_s = lease_s

    async def lease(self, role: str, owner: str, token: str) -> Leased | None:
        """The job whose turn it is, in the order of `streams/queue.py`.

        `token` is fresh and random for every call. None: nothing is due, or somebody
        was faster with all that is.
        """
        asked = {
            "roles": [role],
            "owner": owner,
            "token": token,
            "deaths": DEATHS,
            "seconds": self._lease_s,
            "labels": self._labels,
        }
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Leased))
            return await (await cursor.execute(TAKE, asked)).fetchone()

    async def keep(self, job_id: str, token: str) -> Kept:
        """The heartbeat: `gone` = somebody else has it, `ended` = nobody wants it."""
        asked = {"job": job_id, "token": token, "seconds": self._lease_s}
        async with self._pool.connection() as connection:
            found = await (await connection.execute(KEEP, asked)).fetchone()
        if found is None:
            return "gone"
        return "ended" if found[0] in ENDED else "held"

    async def ended(self, jobs: Sequence[Leased]) -> set[str]:
        """Those of these jobs that came to an end, whoever has them."""
        asked = {
            "tenants": [each.tenant for each in jobs],
            "ids": [each.job_id for each in jobs],
            "ended": list(ENDED),
        }
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(ENDED_NOW, asked)).fetchall()
        return {row[0] for row in rows}

    async def release(self, job_id: str, token: str, *, done: bool) -> None:
        """`done` = a result was sent; else another worker may start at once."""
        seconds = DONE_S if done else 0.0
        asked = {"job": job_id, "token": token, "done": done, "seconds": seconds}
        async with self._pool.connection() as connection:
            await connection.execute(RELEASE, asked)
