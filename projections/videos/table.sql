CREATE TABLE videos (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    asset_id text,
    status text,
    profiles text[],
    mp4_key text,
    hls_key text,
    cover_key text,
    width int,
    height int,
    bit_rate bigint,
    duration_ms bigint,
    renditions jsonb,
    covers jsonb,
    pictures_id text,
    thumbnails_key text,
    waveform_key text,
    job_id text,
    problem jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX videos_newest ON videos (tenant, created_at DESC, id DESC);
CREATE INDEX videos_of_asset ON videos (tenant, asset_id);
