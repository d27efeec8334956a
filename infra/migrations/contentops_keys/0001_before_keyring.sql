-- The two exceptions to "the log is the only truth": data keys and sealed credentials.
SET LOCAL ROLE contentops_keys;
CREATE SCHEMA keyring;
CREATE SCHEMA secrets;

-- An erased key keeps its row without its bytes, so it can be told from a lost one.
CREATE TABLE keyring.keys (
    tenant text NOT NULL,
    key_id text NOT NULL,
    subject_id text NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz,
    PRIMARY KEY (tenant, key_id),
    CHECK (wrapped IS NOT NULL OR erased_at IS NOT NULL)
);
CREATE INDEX keys_of_subject ON keyring.keys (tenant, subject_id);
ALTER TABLE keyring.keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE keyring.keys FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON keyring.keys
USING (tenant = (SELECT current_setting('app.tenant', true)));

CREATE TABLE secrets.sealed (
    tenant text NOT NULL,
    ref text NOT NULL,
    name text NOT NULL,
    nonce bytea NOT NULL,
    cipher bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, ref)
);
ALTER TABLE secrets.sealed ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets.sealed FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON secrets.sealed
USING (tenant = (SELECT current_setting('app.tenant', true)));
