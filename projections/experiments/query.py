"""Questions asked of experiments; row-level security adds the tenant."""

from psycopg import sql

# Those that deal arms now, in the order in which they were started.
RUNNING = sql.SQL(
    "SELECT id, prompt, prompt_id, project_id, unit, arms FROM read.experiments "
    "WHERE status = 'running' ORDER BY started_at, id LIMIT 100"
)
# Value: the experiment. How many subjects met each arm.
EXPOSED = sql.SQL(
    "SELECT arm, count(*) AS subjects FROM read.exposures "
    "WHERE experiment_id = %s GROUP BY arm"
)
# Value: the experiment. Its copies, the newest ones; a template is of no arm. A copy
# was `shown` once it is published, and `led` to something with a lead of that.
OUTCOMES = sql.SQL(
    """
    SELECT o.arm, o.variants, o.variant, o.text,
      coalesce(o.accepted, false) AS accepted,
      coalesce(p.shown, false) AS shown, coalesce(p.led, false) AS led
    FROM read.outcomes o
    LEFT JOIN LATERAL (
      SELECT true AS shown, bool_or(EXISTS (
        SELECT FROM read.leads l WHERE l.publication_id = p.id)) AS led
      FROM read.publications p
      WHERE p.copy_id = o.id AND p.status = 'published'
      HAVING count(*) > 0
    ) p ON true
    WHERE o.experiment_id = %s AND NOT coalesce(o.degraded, false)
    ORDER BY o.created_at DESC, o.id LIMIT 5000
    """
)
