"""Questions asked of changes; row-level security adds the tenant."""

from psycopg import sql

# Values: topics, partitions, last offsets seen there, how many at most.
AFTER = sql.SQL(
    """
SELECT c.topic, c.partition, c."offset", c.kind, c.subject, c.type, c.at
FROM read.changes c
LEFT JOIN unnest(%s::text[], %s::int[], %s::bigint[]) AS v (topic, partition, last)
  ON c.topic = v.topic AND c.partition = v.partition
WHERE c."offset" > coalesce(v.last, -1)
ORDER BY c.topic, c.partition, c."offset" LIMIT %s
"""
)
NEWEST = sql.SQL(
    """
SELECT topic, partition, max("offset") AS last
FROM read.changes GROUP BY topic, partition
"""
)
# Asked for all tenants at once, by functions that tell no more than this.
NEWS = sql.SQL("SELECT * FROM auth.changes(%s::text[], %s::int[], %s::bigint[], %s)")
HEADS = sql.SQL("SELECT * FROM auth.change_heads(%s::text[], %s::int[])")
PLACES = sql.SQL("SELECT DISTINCT topic, partition FROM coordination.positions")
