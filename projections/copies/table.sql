CREATE TABLE copies (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    project_id text,
    video_id text,
    task text,
    platform text,
    brief text,
    lang text,
    model text,
    status text,
    variants jsonb,
    text text,
    approved_variant int,
    approved_event_id text,
    approved_version bigint,
    approved_number int,
    newest int,
    provider text,
    model_name text,
    usage jsonb,
    degraded boolean,
    job_id text,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX copies_newest ON copies (tenant, created_at DESC, id DESC);
CREATE INDEX copies_of_video ON copies (tenant, video_id, platform, created_at DESC);

CREATE TABLE copy_versions (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    copy_id text NOT NULL,
    number int NOT NULL,
    kind text,
    text text,
    -- Null: the language the copy was asked for in.
    lang text,
    source int,
    author text,
    provider text,
    model_name text,
    prompt_version text,
    job_id text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX copy_versions_of ON copy_versions (tenant, copy_id, number);
