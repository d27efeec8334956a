"""The order of waiting jobs, for leases and bells alike; SQL over rows and leases.

Only those whose labels the worker has. Between tenants: whoever has the fewest jobs
running in this role is next. Within one, and where tenants are equal: whoever's turn
came first. A turn is the moment a job was due, put back by `STEP_S` for each step of
priority. So priority counts as time already waited, everybody's rises alike, and a turn
once given never moves.
"""

STEP_S = 60
"""One step of priority is worth this many seconds of waiting."""
DEATHS = 2
AHEAD = 8
"""How many jobs of one line are looked at, so that many askers find one each."""
OPEN = "('waiting', 'retrying', 'running')"
DUE = "coalesce(t.not_before, t.created_at)"

# Free: nobody holds it, or its holder died, or the attempt that ended is to be
# repeated. The holder's second death is for the dispatcher to report.
_FREE = """
(l.job_id IS NULL OR (l.until <= clock_timestamp()
    OR l.done AND t.status = 'retrying' AND t.token = l.token)
  AND NOT (l.owner <> '' AND NOT l.done AND l.deaths + 1 >= %(deaths)s))
"""

# What could run now if there were a free worker with its labels, by label set; since
# when: it was due, or its worker was given up.
WAITING = f"""
SELECT t.role, array_to_string(t.needs, ',') AS needs, count(*),
  extract(epoch FROM max(clock_timestamp() - CASE
    WHEN l.owner <> '' AND NOT l.done THEN greatest({DUE}, l.until) ELSE {DUE} END))
FROM read.tasks t LEFT JOIN coordination.leases l ON l.job_id = t.id
WHERE t.status IN {OPEN} AND {DUE} <= statement_timestamp()
  AND (t.deadline IS NULL OR t.deadline > statement_timestamp()) AND {_FREE}
GROUP BY 1, 2
"""  # noqa: S608  every part is a constant of this module

# A line is a role, tenant and priority: few, and each found in one step of the index,
# however many jobs stand in it. `turns` has the first of every line, in order; leases
# are asked job by job, else a plan that hashes them reads the whole line first.
TURNS = f"""
RECURSIVE lines AS (
  SELECT first.* FROM unnest(%(roles)s::text[]) AS asked (role), LATERAL (
    SELECT t.role, t.tenant, t.priority FROM read.tasks t
    WHERE t.role = asked.role AND t.status IN {OPEN}
    ORDER BY t.tenant, t.priority LIMIT 1) AS first
  UNION ALL
  SELECT next.* FROM lines, LATERAL (
    SELECT t.role, t.tenant, t.priority FROM read.tasks t
    WHERE t.role = lines.role AND t.status IN {OPEN}
      AND (t.tenant, t.priority) > (lines.tenant, lines.priority)
    ORDER BY t.tenant, t.priority LIMIT 1) AS next
), busy AS MATERIALIZED (
  SELECT role, tenant, count(*) AS running FROM coordination.leases
  WHERE owner <> '' AND NOT done AND until > clock_timestamp()
  GROUP BY role, tenant
), turns AS MATERIALIZED (
  SELECT job.*, lines.role, lines.tenant FROM lines
  LEFT JOIN busy USING (role, tenant), LATERAL (
    SELECT t.id, t.status, t.attempt, l.token,
      {DUE} - lines.priority * interval '{STEP_S} seconds' AS turn
    FROM read.tasks t LEFT JOIN LATERAL (
      SELECT * FROM coordination.leases WHERE job_id = t.id LIMIT 1) AS l ON true
    WHERE t.role = lines.role AND t.tenant = lines.tenant
      AND t.priority = lines.priority AND t.status IN {OPEN}
      AND {DUE} <= statement_timestamp()
      AND (%(labels)s::text[] IS NULL OR t.needs <@ %(labels)s::text[])
      AND (t.deadline IS NULL OR t.deadline > statement_timestamp())
      AND {_FREE}
    ORDER BY {DUE} LIMIT {AHEAD}) AS job
  ORDER BY coalesce(busy.running, 0), job.turn, job.id
)
"""  # noqa: S608  every part is a constant of this module
