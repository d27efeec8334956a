-- Snapshots of deciders: written behind the log, optional, never the truth.
CREATE TABLE coordination.decider_marks (
    topic text NOT NULL,
    partition int NOT NULL,
    snapshot uuid NOT NULL,
    -- The one before, until its rows are swept.
    replaced uuid,
    topic_id text NOT NULL,
    code text NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    log_epoch bigint NOT NULL DEFAULT 0,
    log_owner text NOT NULL DEFAULT '',
    log_n bigint NOT NULL DEFAULT 0,
    resume bigint NOT NULL DEFAULT 0,
    command_topic_id text NOT NULL DEFAULT '',
    streams bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE coordination.decider_state (
    snapshot uuid NOT NULL,
    key bytea NOT NULL,
    aggregate text NOT NULL,
    version bigint NOT NULL,
    state bytea NOT NULL,
    -- 18 bytes each: id of a record, day of its command.
    handled bytea NOT NULL,
    PRIMARY KEY (snapshot, key)
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE, DELETE
ON coordination.decider_marks, coordination.decider_state
TO contentops_worker;
