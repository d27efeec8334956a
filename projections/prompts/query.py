"""Questions asked of prompts; row-level security adds the tenant."""

from psycopg import sql

# Value: the prompt. Newest first.
VERSIONS = sql.SQL(
    "SELECT * FROM read.prompt_versions WHERE prompt_id = %s "
    "ORDER BY number DESC LIMIT 200"
)
# What answers now, of the whole tenant and of its projects.
LIVE = sql.SQL(
    """
    SELECT p.name, p.project_id, v.number, v.text
    FROM read.prompts p
    JOIN read.prompt_versions v ON v.id = p.id || ':' || p.live
    WHERE p.live > 0
    """
)
# Value: ids of versions, `prompt:number`.
NAMED = sql.SQL(
    """
    SELECT v.id, p.name, p.project_id, v.number, v.text
    FROM read.prompt_versions v JOIN read.prompts p ON p.id = v.prompt_id
    WHERE v.id = ANY(%s)
    """
)
