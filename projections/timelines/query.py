"""Questions asked of timelines; row-level security adds the tenant."""

from psycopg import sql

# Value: the timeline. Newest first.
RENDERS = sql.SQL(
    "SELECT * FROM read.renders WHERE timeline_id = %s "
    "ORDER BY created_at DESC, id DESC LIMIT 200"
)

# Values: ids of assets. What each is now, as far as a film needs to know.
ASSETS = sql.SQL(
    """
    SELECT id AS name, object_key, sha256, status, facts, problem,
      coalesce(trashed, false) AS trashed
    FROM read.assets WHERE id = ANY(%s)
    """
)

# Values: keys of objects. A body that was uploaded or made, whether or not it counts.
OBJECTS = sql.SQL(
    """
    SELECT v.object_key AS name, v.object_key, v.sha256,
      CASE WHEN a.status = 'purged' THEN a.status ELSE v.status END AS status,
      v.facts, v.problem, coalesce(a.trashed, false) AS trashed
    FROM read.asset_versions v JOIN read.assets a ON a.id = v.asset_id
    WHERE v.object_key = ANY(%s)
    """
)
