CREATE OR REPLACE VIEW read.documents WITH (security_invoker = true) AS
SELECT tenant, id, version, event_id, created_at, updated_at, kind, title, text,
  project_id, tags, gone, words, folder
FROM {table};

-- Row-level security keeps the index from being asked about words, because a match
-- might tell of rows that it then hides. So this asks, for the tenant of the session.
-- Made anew, because what a function answers with cannot be changed.
DROP FUNCTION IF EXISTS read.documents_with(tsquery);
CREATE FUNCTION read.documents_with(wanted tsquery)
RETURNS TABLE (id text, kind text, title text, text text, project_id text, tags text[],
  folder text, words tsvector)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.id, d.kind, d.title, d.text, d.project_id, d.tags, d.folder, d.words
    FROM {table} AS d
    WHERE d.tenant = current_setting('app.tenant', true) AND NOT d.gone
      AND d.words @@ (quote_literal('/' || current_setting('app.tenant', true))::tsquery
                      && wanted)
$$;
REVOKE ALL ON FUNCTION read.documents_with(tsquery) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.documents_with(tsquery) TO contentops_api;
GRANT CREATE ON SCHEMA read TO contentops_auth;
ALTER FUNCTION read.documents_with(tsquery) OWNER TO contentops_auth;
REVOKE CREATE ON SCHEMA read FROM contentops_auth;
