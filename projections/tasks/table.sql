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
    digest text,
    reuse_days int,
    status text,
    parents text[],
    waiting_for text[],
    attempt int,
    token text,
    max_attempts int,
    priority int,
    not_before timestamptz,
    deadline timestamptz,
    result jsonb,
    reused text,
    problem jsonb,
    started_at timestamptz,
    ended_at timestamptz,
    requested_event_id text,
    correlation text,
    traceparent text,
    needs text[] NOT NULL DEFAULT '{}',
    spent jsonb,
    worked_s double precision,
    project_id text,
    requested_by text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX tasks_newest ON tasks (tenant, created_at DESC, id DESC);
-- Lines of waiting jobs, one per role, tenant and priority, oldest first.
CREATE INDEX tasks_queue
ON tasks (role, tenant, priority, (coalesce(not_before, created_at)))
WHERE status IN ('waiting', 'retrying', 'running');
CREATE INDEX tasks_postponed ON tasks (not_before)
WHERE status IN ('waiting', 'retrying');
CREATE INDEX tasks_deadlines ON tasks (deadline)
WHERE status IN ('waiting', 'waiting_for_parent', 'retrying', 'running');
CREATE INDEX tasks_reusable ON tasks (tenant, digest, ended_at DESC)
WHERE status = 'completed' AND reuse_days > 0;
CREATE INDEX tasks_of_subject ON tasks (tenant, subject, created_at DESC);
-- What was made before, and how long it took.
CREATE INDEX tasks_same ON tasks (tenant, (result->>'recipe_key'), ended_at DESC)
WHERE kind = 'transcode' AND status = 'completed';
CREATE INDEX tasks_paces ON tasks (ended_at DESC)
WHERE kind = 'transcode' AND status = 'completed';
