CREATE TABLE projects (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    asset_bytes bigint,
    asset_files bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX projects_newest ON projects (tenant, created_at DESC, id DESC);
