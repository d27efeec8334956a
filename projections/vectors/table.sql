CREATE TABLE vectors (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    kind text,
    subject_id text,
    -- Only vectors of one model have a distance.
    model text,
    size int,
    degraded boolean,
    vector public.vector,
    PRIMARY KEY (tenant, id)
);
-- No index over the vectors: of one tenant and one model an exact scan is quick.
CREATE INDEX vectors_of ON vectors (tenant, model, kind, subject_id, created_at DESC);
