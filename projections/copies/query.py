"""Questions asked of copies; row-level security adds the tenant."""

from psycopg import sql

# Values: the video, the platform. The text that publishing takes when none is named.
NEWEST_APPROVED = sql.SQL(
    "SELECT * FROM read.copies WHERE video_id = %s AND platform = %s "
    "AND status = 'approved' ORDER BY updated_at DESC LIMIT 1"
)

# Value: the copy. Newest first.
VERSIONS = sql.SQL(
    "SELECT * FROM read.copy_versions WHERE copy_id = %s ORDER BY number DESC"
)
