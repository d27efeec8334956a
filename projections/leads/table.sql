CREATE TABLE pages (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    publication_id text,
    code text,
    title text,
    video_id text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX pages_newest ON pages (tenant, created_at DESC, id DESC);
CREATE INDEX pages_of_publication ON pages (tenant, publication_id);
-- A visitor knows the code alone: auth.form is the one that asks.
CREATE INDEX pages_by_code ON pages (code);
CREATE TABLE leads (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    page_id text,
    publication_id text,
    source text,
    subject_id text,
    contact jsonb,
    status text,
    owner text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX leads_newest ON leads (tenant, created_at DESC, id DESC);
CREATE INDEX leads_of_publication ON leads (tenant, publication_id, created_at DESC);
