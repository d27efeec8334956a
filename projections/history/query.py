"""Questions asked of history; row-level security adds the tenant."""

from psycopg import sql

# Value: event ids. An event also follows from the one before it in its own stream: a
# webhook may have caused it, but only because of what had been planned and submitted.
WITH_CAUSES = sql.SQL(
    """
SELECT h.id, h.type, h.subject, h.at, h.topic, h.partition, h."offset",
  array_remove(h.causes || ARRAY(
    SELECT p.id FROM read.history p
    WHERE p.tenant = h.tenant AND p.subject = h.subject AND p.version > 0
      AND p.version = h.version - 1
      AND p.type NOT LIKE 'io.contentops.log.%%'), '') AS causes
FROM read.history h WHERE h.id = ANY(%s)
"""
)
