"""Questions asked of policies; row-level security adds the tenant."""

from psycopg import sql

# Newest first.
VERSIONS_OF = sql.SQL(
    "SELECT v.*, v.number = coalesce(p.live, 0) AS live FROM read.policy_versions v "
    "JOIN read.policies p ON p.id = v.policy_id ORDER BY v.number DESC LIMIT 200"
)
