-- The live hub asks once for all its streams, before it knows whose changes they are.
-- It learns that something of a tenant changed and its id, never what it holds.
CREATE FUNCTION auth.changes(
    topics text [], partitions int [], lasts bigint [], most int
)
RETURNS TABLE (
    tenant text, topic text, partition int, "offset" bigint,
    kind text, subject text, type text, at timestamptz
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = read, pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT c.tenant, c.topic, c.partition, c."offset",
           c.kind, c.subject, c.type, c.at
    FROM unnest(topics, partitions, lasts) AS v (topic, number, last)
    CROSS JOIN LATERAL (
        SELECT r.* FROM read.changes AS r
        WHERE r.topic = v.topic AND r.partition = v.number AND r."offset" > v.last
        ORDER BY r."offset" LIMIT most
    ) AS c;
END
$$;

-- The newest change of each place, -1 where there is none.
CREATE FUNCTION auth.change_heads(topics text [], partitions int [])
RETURNS TABLE (topic text, partition int, last bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = read, pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT v.topic, v.number, coalesce((
        SELECT r."offset" FROM read.changes AS r
        WHERE r.topic = v.topic AND r.partition = v.number
        ORDER BY r."offset" DESC LIMIT 1
    ), -1)
    FROM unnest(topics, partitions) AS v (topic, number);
END
$$;

REVOKE ALL ON FUNCTION auth.changes(text [], int [], bigint [], int),
auth.change_heads(text [], int []) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.changes(text [], int [], bigint [], int),
auth.change_heads(text [], int []) TO contentops_api;
GRANT CREATE ON SCHEMA auth TO contentops_auth;
ALTER FUNCTION auth.changes(text [], int [], bigint [], int) OWNER TO contentops_auth;
ALTER FUNCTION auth.change_heads(text [], int []) OWNER TO contentops_auth;
REVOKE CREATE ON SCHEMA auth FROM contentops_auth;
