CREATE TABLE changes (
    tenant text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, topic, partition, "offset")
);
CREATE INDEX changes_by_time ON changes (tenant, at);
-- The live hub reads what is new once for all tenants.
CREATE INDEX changes_by_place ON changes (topic, partition, "offset");
