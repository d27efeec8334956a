CREATE TABLE tasks (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    role text,
    kind text,
    subject text,
    input jsonb,
    status text,
    attempt int,
    token text,
    max_attempts int,
    priority int,
    not_before timestamptz,
    result jsonb,
    problem jsonb,
    started_at timestamptz,
    ended_at timestamptz,
    requested_event_id text,
    correlation text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX tasks_newest ON tasks (tenant, created_at DESC, id DESC);
CREATE INDEX tasks_open ON tasks (tenant, role, priority DESC, not_before)
WHERE status IN ('waiting', 'retrying', 'running');
CREATE INDEX tasks_of_subject ON tasks (tenant, subject, created_at DESC);
