-- Answers of models that may be given again: no read model, and lost without harm.
CREATE SCHEMA answers;

-- `scope` is a tenant, or one name for scenes that tenants share. Without a `body`
-- somebody is asking just now and has claimed it.
CREATE TABLE answers.kept (
    scope text NOT NULL,
    key text NOT NULL,
    body bytea,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (scope, key)
);
CREATE INDEX kept_by_age ON answers.kept (at);
ALTER TABLE answers.kept ENABLE ROW LEVEL SECURITY;
ALTER TABLE answers.kept FORCE ROW LEVEL SECURITY;
CREATE POLICY one_scope ON answers.kept
USING (scope = (SELECT current_setting('app.tenant', true)));

GRANT USAGE ON SCHEMA answers TO contentops_api, contentops_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON answers.kept
TO contentops_api, contentops_worker;
