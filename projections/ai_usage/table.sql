CREATE TABLE ai_usage (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    status text,
    project_id text,
    person_id text,
    task text,
    tool text,
    scene text,
    provider text,
    model text,
    calls int,
    prompt_tokens bigint,
    completion_tokens bigint,
    -- As billed; null where nobody knows the price.
    cost numeric,
    currency text,
    ended_at timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX ai_usage_ended ON ai_usage (tenant, ended_at) WHERE status <> 'asked';
