CREATE TABLE experiments (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    prompt text,
    prompt_id text,
    project_id text,
    unit text,
    arms jsonb,
    status text,
    started_at timestamptz,
    ended_at timestamptz,
    winner text,
    reason text,
    decided_by text,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE exposures (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    experiment_id text NOT NULL,
    arm text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX exposures_of ON exposures (tenant, experiment_id, arm);

CREATE TABLE outcomes (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Empty: no experiment had a part in this copy.
    experiment_id text,
    arm text,
    variants jsonb,
    degraded boolean,
    accepted boolean,
    variant int,
    text text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX outcomes_of ON outcomes (tenant, experiment_id, created_at);
