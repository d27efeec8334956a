-- What each plan puts into which table: name, token, hash, and counts per bucket.
ALTER TABLE coordination.ch_plan
ADD COLUMN blocks jsonb NOT NULL DEFAULT '[]',
ALTER COLUMN rows SET DEFAULT '{}',
ALTER COLUMN sha256 SET DEFAULT '';

-- What is in ClickHouse according to the plans that were confirmed, per table and
-- 10 000 offsets; `checksum` is the sum of the CRC-32 of the ids of these rows.
CREATE TABLE coordination.ch_confirmed (
    reader text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    bucket bigint NOT NULL,
    name text NOT NULL,
    rows bigint NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (reader, topic, partition, bucket, name)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON coordination.ch_confirmed
TO contentops_projector, contentops_worker;
