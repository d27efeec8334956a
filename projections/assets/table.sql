CREATE TABLE assets (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    project_id text,
    filename text,
    content_type text,
    size bigint,
    sha256 text,
    object_key text,
    upload_id text,
    source text,
    status text,
    facts jsonb,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX assets_newest ON assets (tenant, created_at DESC, id DESC);
CREATE INDEX assets_of_project ON assets (tenant, project_id, created_at DESC);
