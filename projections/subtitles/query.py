"""Questions about subtitles; row-level security adds the tenant."""

from psycopg import sql

OF_ASSET = sql.SQL("SELECT * FROM read.subtitles WHERE asset_id = %s ORDER BY language")

VERSIONS = sql.SQL(
    "SELECT * FROM read.subtitle_versions WHERE subtitle_id = %s ORDER BY number DESC"
)

# Values: the ids of streams. What counts of each.
THESE = sql.SQL("SELECT * FROM read.subtitles WHERE id = ANY(%s)")
