"""Questions asked of tasks; row-level security adds the tenant."""

from psycopg import sql

from streams.queue import STEP_S

# Value: the task. How many waiting tasks of the same role have an earlier turn, as
# `streams/queue.py` reckons it; from a thousand on nobody counts.
AHEAD = sql.SQL("""
WITH it AS (
  SELECT role, id, coalesce(not_before, created_at) - priority * {step} AS turn
  FROM read.tasks WHERE id = %s
)
SELECT count(*) AS ahead FROM (
  SELECT FROM read.tasks t JOIN it ON it.role = t.role
  WHERE t.status IN ('waiting', 'retrying')
    AND (coalesce(t.not_before, t.created_at) - t.priority * {step}, t.id)
      < (it.turn, it.id)
  LIMIT 1000
) before
""").format(step=sql.SQL("interval {}").format(sql.Literal(f"{STEP_S} seconds")))
