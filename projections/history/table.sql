CREATE TABLE history (
    tenant text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    version bigint NOT NULL,
    at timestamptz NOT NULL,
    causation text NOT NULL,
    cause text NOT NULL,
    causes text[] NOT NULL,
    correlation text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX history_of_subject ON history (tenant, subject, at);
CREATE INDEX history_of_correlation ON history (tenant, correlation, at);
