"""Questions asked of chains; row-level security adds the tenant."""

from psycopg import sql

# Value: the run. In the order in which they were taken.
STEPS = sql.SQL('SELECT * FROM read.run_steps WHERE run_id = %s ORDER BY "index"')
