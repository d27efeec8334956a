CREATE TABLE subtitles (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    asset_id text,
    language text,
    number int,
    object_key text,
    sha256 text,
    count int,
    source text,
    confidence text,
    faults int,
    making text,
    job_id text,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX subtitles_of_asset ON subtitles (tenant, asset_id, language);

CREATE TABLE subtitle_versions (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    subtitle_id text NOT NULL,
    asset_id text,
    language text,
    number int NOT NULL,
    object_key text,
    sha256 text,
    count int,
    source text,
    confidence text,
    faults int,
    by text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX subtitle_versions_of ON subtitle_versions (tenant, subtitle_id, number);
