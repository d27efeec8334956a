CREATE TABLE services (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    url text,
    tool_version text,
    about text,
    -- JSON Schema as the service sent it.
    input text,
    output text,
    secret_ref text,
    -- registered or removed.
    status text,
    PRIMARY KEY (tenant, id)
);
