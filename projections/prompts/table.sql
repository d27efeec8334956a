CREATE TABLE prompts (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    -- Empty: of the whole tenant.
    project_id text,
    newest int,
    draft int,
    -- 0: none, what is built in answers.
    live int,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE prompt_versions (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    prompt_id text NOT NULL,
    number int NOT NULL,
    text jsonb NOT NULL,
    note text,
    by text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX prompt_versions_of ON prompt_versions (tenant, prompt_id, number);
