CREATE TABLE images (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    asset_id text,
    video_id text,
    status text,
    pictures jsonb,
    job_id text,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX images_newest ON images (tenant, created_at DESC, id DESC);
CREATE INDEX images_of_asset ON images (tenant, asset_id, created_at DESC);
CREATE INDEX images_of_video ON images (tenant, video_id, created_at DESC);
