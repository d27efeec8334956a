CREATE TABLE documents (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    kind text NOT NULL,
    title text NOT NULL DEFAULT '',
    text text NOT NULL DEFAULT '',
    project_id text,
    tags text[] NOT NULL DEFAULT '{}',
    folder text NOT NULL DEFAULT '',
    gone boolean NOT NULL DEFAULT false,
    purged boolean NOT NULL DEFAULT false,
    name_words text NOT NULL DEFAULT '',
    title_words text NOT NULL DEFAULT '',
    text_words text NOT NULL DEFAULT '',
    words tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(title_words::tsvector, 'A') || setweight(text_words::tsvector, 'B')
        || setweight(name_words::tsvector, 'C') || array_to_tsvector(ARRAY['/' || tenant])
    ) STORED,
    PRIMARY KEY (tenant, id)
);
-- A word never begins with a stroke, so the tenant's own entry is no word.
CREATE INDEX documents_words ON documents USING gin (words) WITH (fastupdate = off);
