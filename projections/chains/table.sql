CREATE TABLE chains (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    number int,
    steps jsonb,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE runs (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    chain_id text,
    number int,
    -- running, failed or completed.
    status text,
    -- The one under way; as many as there are when all are done.
    step int,
    steps int,
    project_id text,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX runs_of ON runs (tenant, chain_id, created_at);

CREATE TABLE run_steps (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    run_id text NOT NULL,
    index int NOT NULL,
    tool text,
    job_id text,
    result jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX run_steps_of ON run_steps (tenant, run_id, index);
