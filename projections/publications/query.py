"""Questions asked of publications; row-level security adds the tenant."""

from psycopg import sql

# Values: from, until. At most a thousand, in the order in which they go out.
BETWEEN = sql.SQL(
    "SELECT * FROM read.publications WHERE at >= %s AND at < %s "
    "ORDER BY at, id LIMIT 1000"
)
# Value: the publication. What happened to it, as it happened.
STEPS = sql.SQL(
    "SELECT version, type, at, detail FROM read.publication_log "
    "WHERE publication_id = %s ORDER BY version"
)
