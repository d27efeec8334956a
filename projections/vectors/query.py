"""Questions asked of vectors; row-level security adds the tenant."""

from psycopg import sql

# The newest text of each asset or copy counts; every vector of the model is read.
NEAREST = sql.SQL(
    "SELECT kind, subject_id AS id, model, degraded, "
    "1 - (vector OPERATOR(public.<=>) %(vector)s::public.vector) AS likeness FROM ("
    " SELECT DISTINCT ON (kind, subject_id) * FROM read.vectors"
    " WHERE model = %(model)s AND size = %(size)s AND kind = ANY(%(kinds)s)"
    " ORDER BY kind, subject_id, created_at DESC, id"
    ") AS newest ORDER BY likeness DESC, id LIMIT %(limit)s"
)
