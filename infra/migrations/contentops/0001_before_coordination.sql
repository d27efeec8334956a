-- Where readers stand and who works on what: neither rebuilt nor compared.
CREATE SCHEMA coordination;
CREATE SCHEMA auth;

CREATE TABLE coordination.positions (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    topic_id text NOT NULL,
    next_offset bigint NOT NULL,
    leader_epoch int NOT NULL DEFAULT -1,
    reader_epoch bigint NOT NULL,
    reader_owner text NOT NULL,
    log_epoch bigint NOT NULL DEFAULT 0,
    log_owner text NOT NULL DEFAULT '',
    log_n bigint NOT NULL DEFAULT 0,
    command_offset bigint NOT NULL DEFAULT -1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (reader, topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE coordination.checkpoints (
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    log_epoch bigint NOT NULL,
    log_owner text NOT NULL,
    log_n bigint NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);

CREATE TABLE coordination.leases (
    job_id text PRIMARY KEY,
    tenant text NOT NULL,
    role text NOT NULL,
    token text NOT NULL,
    owner text NOT NULL,
    until timestamptz NOT NULL,
    deaths int NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX leases_of_tenant ON coordination.leases (tenant, role, until);
ALTER TABLE coordination.leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE coordination.leases FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON coordination.leases
USING (tenant = (SELECT current_setting('app.tenant', true)));

CREATE TABLE coordination.dispatch_marks (
    kind text NOT NULL,
    id text NOT NULL,
    mark text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, id)
);
CREATE INDEX dispatch_marks_by_time ON coordination.dispatch_marks (at);

-- Ranges that were planned for ClickHouse and not yet confirmed.
CREATE TABLE coordination.ch_plan (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    from_offset bigint NOT NULL,
    to_offset bigint NOT NULL,
    rows jsonb NOT NULL,
    sha256 text NOT NULL,
    token text NOT NULL,
    log_epoch bigint NOT NULL,
    log_owner text NOT NULL,
    log_n bigint NOT NULL,
    planned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (reader, topic, partition, from_offset)
);

CREATE TABLE coordination.parked (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    key text NOT NULL,
    event_id text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (reader, topic, partition, "offset")
);
CREATE INDEX parked_streams ON coordination.parked (reader, key);

CREATE TABLE coordination.inbound_waiting (
    observation_id text PRIMARY KEY,
    platform text NOT NULL,
    sealed jsonb NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries int NOT NULL DEFAULT 0
);

-- Questions asked before the tenant is known: they answer tenant and id, no more.
CREATE FUNCTION auth.key(sha256_hex text)
RETURNS TABLE (tenant text, id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = read, pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT k.tenant, k.id FROM read.keys AS k
    WHERE k.sha256 = sha256_hex AND NOT k.revoked;
END
$$;

CREATE FUNCTION auth.form(page_code text)
RETURNS TABLE (tenant text, id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = read, pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT p.tenant, p.id FROM read.pages AS p
    WHERE p.code = page_code;
END
$$;

CREATE FUNCTION auth.account(platform_name text, account_open_id text)
RETURNS TABLE (tenant text, id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = read, pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT a.tenant, a.id FROM read.accounts AS a
    WHERE a.platform = platform_name AND a.open_id = account_open_id;
END
$$;

REVOKE ALL ON FUNCTION auth.key(text), auth.form(text), auth.account(text, text)
FROM PUBLIC;

GRANT USAGE ON SCHEMA coordination TO contentops_api, contentops_projector,
contentops_worker;
GRANT SELECT ON coordination.positions TO contentops_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA coordination
TO contentops_projector, contentops_worker;
GRANT USAGE ON SCHEMA auth TO contentops_api, contentops_worker;
GRANT EXECUTE ON FUNCTION auth.key(text), auth.form(text), auth.account(text, text)
TO contentops_api, contentops_worker;
GRANT CREATE ON SCHEMA auth TO contentops_auth;
ALTER FUNCTION auth.key(text) OWNER TO contentops_auth;
ALTER FUNCTION auth.form(text) OWNER TO contentops_auth;
ALTER FUNCTION auth.account(text, text) OWNER TO contentops_auth;
REVOKE CREATE ON SCHEMA auth FROM contentops_auth;
