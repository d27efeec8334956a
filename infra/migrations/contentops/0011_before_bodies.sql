-- Which bodies of calls lie in the object store, and until when.
CREATE TABLE answers.bodies (
    tenant text NOT NULL,
    key text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX bodies_by_end ON answers.bodies (until);
ALTER TABLE answers.bodies ENABLE ROW LEVEL SECURITY;
ALTER TABLE answers.bodies FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON answers.bodies
USING (tenant = (SELECT current_setting('app.tenant', true)));

GRANT SELECT, INSERT ON answers.bodies TO contentops_api;
GRANT SELECT, INSERT, DELETE ON answers.bodies TO contentops_worker;
