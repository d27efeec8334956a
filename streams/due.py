"""What is due now: the questions of the dispatcher and the rows that answer them."""

from datetime import datetime

from msgspec import Struct

from streams.queue import TURNS

MOST = 1000
"""How many of one kind are taken in one tick; full means: look again at once."""
UNENDED = "('waiting', 'waiting_for_parent', 'retrying', 'running')"

# A mark is taken before the act: if the act fails, it is repeated after five seconds.
_MARK = """
INSERT INTO coordination.dispatch_marks AS m (kind, id, mark, at)
SELECT %(kind)s, id, mark, clock_timestamp() FROM due
ON CONFLICT (kind, id) DO UPDATE SET mark = excluded.mark, at = excluded.at
  WHERE m.mark <> excluded.mark OR m.at < clock_timestamp() - interval '5 seconds'
RETURNING id
"""
_UNMARKED = """
NOT EXISTS (SELECT FROM coordination.dispatch_marks f
  WHERE f.kind = %(kind)s AND f.id = t.id
    AND f.at >= clock_timestamp() - interval '5 seconds' AND f.mark = {mark})
"""

# Only the first of each line are rung for: whoever takes one looks for the next.
_TASK_MARK = "t.status || ':' || coalesce(t.attempt, 0)"
JOBS_DUE = f"""
WITH {TURNS}, due AS (
  SELECT t.id, t.role, {_TASK_MARK} AS mark FROM turns t
  WHERE {_UNMARKED.format(mark=_TASK_MARK)} LIMIT {MOST}
), marked AS ({_MARK})
SELECT due.id, due.role FROM due JOIN marked USING (id)
"""  # noqa: S608  every part is a constant of this package

_TIMER_MARK = "t.at::text"
# What somebody is about to publish is not deleted under his hands.
_NEEDED = """
EXISTS (SELECT FROM read.videos v
  JOIN read.publications p ON p.tenant = v.tenant AND p.video_id = v.id
  WHERE v.tenant = t.tenant AND v.asset_id = t.subject_id
    AND p.status NOT IN ('published', 'failed', 'refused', 'missed'))
"""
TIMERS_DUE = f"""
WITH due AS (
  SELECT t.id, t.kind, coalesce(t.subject_id, t.id) AS subject, t.tenant, t.at,
    t.event_id, t.correlation, {_TIMER_MARK} AS mark
  FROM read.timers t
  WHERE t.state = 'armed' AND t.at <= %(now)s
    AND NOT (t.kind = 'asset_purge' AND {_NEEDED})
    AND {_UNMARKED.format(mark=_TIMER_MARK)}
  ORDER BY t.at LIMIT {MOST}
), marked AS ({_MARK})
SELECT due.id, due.kind, due.subject, due.tenant, due.at, due.event_id,
  coalesce(due.correlation, '') AS correlation
FROM due JOIN marked USING (id)
"""  # noqa: S608  every part is a constant of this module

_DEATH_MARK = "l.token"
LOST = f"""
WITH due AS (
  SELECT t.id, t.tenant, t.event_id, t.correlation, l.token,
    l.deaths + 1 AS deaths, {_DEATH_MARK} AS mark
  FROM coordination.leases l
  JOIN read.tasks t ON t.tenant = l.tenant AND t.id = l.job_id
  WHERE l.owner <> '' AND NOT l.done AND l.until <= clock_timestamp()
    AND l.deaths + 1 >= %(deaths)s AND t.status IN ('waiting', 'retrying', 'running')
    AND {_UNMARKED.format(mark=_DEATH_MARK)}
  LIMIT {MOST}
), marked AS ({_MARK})
SELECT due.id, due.tenant, due.event_id, due.token, due.deaths,
  coalesce(due.correlation, '') AS correlation
FROM due JOIN marked USING (id)
"""  # noqa: S608  every part is a constant of this module

_DEADLINE_MARK = "t.deadline::text"
OVERDUE = f"""
WITH due AS (
  SELECT t.id, t.tenant, t.event_id, t.correlation, t.deadline,
    {_DEADLINE_MARK} AS mark
  FROM read.tasks t
  WHERE t.deadline <= %(now)s AND t.status IN {UNENDED}
    AND {_UNMARKED.format(mark=_DEADLINE_MARK)}
  ORDER BY t.deadline LIMIT {MOST}
), marked AS ({_MARK})
SELECT due.id, due.tenant, due.event_id, due.deadline,
  coalesce(due.correlation, '') AS correlation
FROM due JOIN marked USING (id)
"""  # noqa: S608  every part is a constant of this module

SWEEP = """
DELETE FROM coordination.leases l WHERE l.until < clock_timestamp() - interval '1 day'
  AND NOT EXISTS (SELECT FROM read.tasks t WHERE t.tenant = l.tenant
    AND t.id = l.job_id AND t.status IN ('waiting', 'retrying', 'running'))
"""
SWEEP_MARKS = """
DELETE FROM coordination.dispatch_marks
WHERE at < clock_timestamp() - interval '1 day'
"""


class Bell(Struct, frozen=True):
    id: str
    role: str


class Timer(Struct, frozen=True):
    """`subject` is the id of the stream that set it."""

    id: str
    kind: str
    subject: str
    tenant: str
    at: datetime
    event_id: str
    correlation: str


class Lost(Struct, frozen=True):
    id: str
    tenant: str
    event_id: str
    token: str
    deaths: int
    correlation: str


class Overdue(Struct, frozen=True):
    id: str
    tenant: str
    event_id: str
    deadline: datetime
    correlation: str


# Seconds until the next timer, postponed job or deadline; null when nothing is waiting.
NEXT_IN = f"""
SELECT extract(epoch FROM least(
  (SELECT min(at) FROM read.timers
   WHERE state = 'armed' AND at > statement_timestamp()),
  (SELECT min(not_before) FROM read.tasks
   WHERE status IN ('waiting', 'retrying') AND not_before > statement_timestamp()),
  (SELECT min(deadline) FROM read.tasks
   WHERE status IN {UNENDED} AND deadline > statement_timestamp())
) - clock_timestamp())::float8
"""  # noqa: S608  every part is a constant of this module
