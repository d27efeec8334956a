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
    number int,
    duplicate_of text,
    title text,
    tags text[],
    topics text[],
    folder text,
    keep_until timestamptz,
    trashed boolean,
    purge_at timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX assets_newest ON assets (tenant, created_at DESC, id DESC);
CREATE INDEX assets_of_project ON assets (tenant, project_id, created_at DESC);
CREATE INDEX assets_by_tag ON assets USING gin (tags);
CREATE INDEX assets_by_folder ON assets (tenant, folder text_pattern_ops);

CREATE TABLE asset_versions (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    asset_id text NOT NULL,
    number int NOT NULL,
    filename text,
    content_type text,
    size bigint,
    sha256 text,
    object_key text,
    upload_id text,
    status text,
    facts jsonb,
    problem jsonb,
    duplicate_of text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX asset_versions_of ON asset_versions (tenant, asset_id, number);
-- Who else has these bytes; how much of the quota is taken.
CREATE INDEX asset_versions_same ON asset_versions (tenant, sha256);
