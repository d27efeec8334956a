CREATE TABLE publications (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    project_id text,
    video_id text,
    account_id text,
    platform text,
    mode text,
    title text,
    text text,
    tags text[],
    mp4_key text,
    cover_key text,
    copy_id text,
    at timestamptz,
    local text,
    timezone text,
    status text,
    item_id text,
    link text,
    share_id text,
    pack_key text,
    expires_at timestamptz,
    intent_token text,
    intended_at timestamptz,
    call_before timestamptz,
    settle_after timestamptz,
    needs_person boolean,
    problem jsonb,
    correlation text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX publications_newest ON publications (tenant, created_at DESC, id DESC);
CREATE INDEX publications_calendar ON publications (tenant, at);
-- A webhook names the item or the share before the tenant is known.
CREATE INDEX publications_by_item ON publications (platform, item_id);
CREATE INDEX publications_by_share ON publications (share_id) WHERE share_id IS NOT NULL;
CREATE TABLE publication_log (
    tenant text NOT NULL,
    publication_id text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (tenant, publication_id, version)
);
