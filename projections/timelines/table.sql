CREATE TABLE timelines (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    project_id text,
    title text,
    document jsonb,
    number int,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX timelines_newest ON timelines (tenant, created_at DESC, id DESC);
CREATE TABLE renders (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    timeline_id text,
    asset_id text,
    destination text,
    number int,
    status text,
    job_id text,
    object_key text,
    sha256 text,
    duration_ms bigint,
    ai boolean,
    cues jsonb,
    weighted_seconds double precision,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX renders_of_timeline ON renders (tenant, timeline_id, created_at DESC);
