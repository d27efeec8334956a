CREATE TABLE moderations (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    what text,
    subject text,
    text text,
    platform text,
    ruling text,
    flags jsonb,
    by jsonb,
    -- waiting (for a person) | passed | accepted | rejected
    status text,
    reason text,
    decided_by text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX moderations_queue ON moderations (tenant, status, created_at DESC, id DESC);

CREATE TABLE wordlists (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    forbidden jsonb,
    allowed jsonb,
    PRIMARY KEY (tenant, id)
);
