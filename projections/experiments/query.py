"""Questions asked of experiments; row-level security adds the tenant."""

from psycopg import sql

# Those that deal arms now, in the order in which they were started.
RUNNING = sql.SQL(
    "SELECT id, prompt, prompt_id, project_id, unit, arms FROM read.experiments "
    "WHERE status = 'running' ORDER BY started_at, id LIMIT 100"
)
