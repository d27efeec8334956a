-- Which versions of each read model there are; a schema rm_<name>_v<version> each.
CREATE TABLE coordination.projections (
    name text NOT NULL,
    version int NOT NULL,
    shape int NOT NULL,
    state text NOT NULL CHECK (
        state IN ('building', 'catching_up', 'live', 'retiring', 'failed')
    ),
    reason text NOT NULL DEFAULT '',
    verified_against int,
    drawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    built_at timestamptz,
    switched_at timestamptz,
    PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX projections_live ON coordination.projections (name)
WHERE state = 'live';

-- Read models of an installation that knew no versions yet.
INSERT INTO coordination.projections (name, version, shape, state)
SELECT substring(nspname FROM '^rm_(.*)_v1$'), 1, 1, 'live'
FROM pg_namespace WHERE nspname ~ '^rm_.*_v1$';

-- Where the rows stand that people see; everybody who asks asks here.
CREATE VIEW coordination.live_positions AS
SELECT v.name AS projection, p.reader, p.topic, p.partition, p.next_offset,
       p.command_offset, p.updated_at
FROM coordination.projections AS v
JOIN coordination.positions AS p ON p.reader = v.name || '.v' || v.version
WHERE v.state = 'live';

-- Looks into the past: each is a read model of its own for one hour.
CREATE TABLE coordination.as_of (
    id text PRIMARY KEY,
    tenant text NOT NULL,
    projection text NOT NULL,
    at timestamptz,
    vector jsonb NOT NULL DEFAULT '[]',
    state text NOT NULL DEFAULT 'asked' CHECK (
        state IN ('asked', 'building', 'ready', 'failed')
    ),
    reason text NOT NULL DEFAULT '',
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 hour'
);
CREATE INDEX as_of_asked ON coordination.as_of (asked_at) WHERE state = 'asked';
ALTER TABLE coordination.as_of ENABLE ROW LEVEL SECURITY;
ALTER TABLE coordination.as_of FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON coordination.as_of
USING (tenant = (SELECT current_setting('app.tenant', true)));

GRANT SELECT ON coordination.projections, coordination.live_positions
TO contentops_api, contentops_projector, contentops_worker;
GRANT SELECT, INSERT ON coordination.as_of TO contentops_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON coordination.as_of TO contentops_projector;
-- Looks into the past are made and dropped by the projector.
DO $$
BEGIN
    EXECUTE format(
        'GRANT CREATE ON DATABASE %I TO contentops_projector', current_database()
    );
END
$$;
