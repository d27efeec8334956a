CREATE TABLE operations (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    status text NOT NULL,
    event_type text NOT NULL,
    subject text NOT NULL,
    problem jsonb,
    body_mac text NOT NULL,
    auth_id text NOT NULL,
    cause text NOT NULL,
    correlation text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX operations_newest ON operations (tenant, created_at DESC, id DESC);
