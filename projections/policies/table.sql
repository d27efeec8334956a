CREATE TABLE policies (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    newest int,
    -- The version that counts; null and 0 mean none.
    live int,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE policy_versions (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    policy_id text NOT NULL,
    name text,
    number int NOT NULL,
    document text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX policy_versions_of ON policy_versions (tenant, policy_id, number);
