CREATE TABLE timers (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    kind text,
    -- Whose it is, where the id is not enough: a stream may have several.
    subject_id text,
    at timestamptz,
    state text,
    correlation text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX timers_armed ON timers (at) WHERE state = 'armed';
