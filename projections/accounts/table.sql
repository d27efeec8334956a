CREATE TABLE accounts (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    platform text,
    open_id text,
    name text,
    mode text,
    secret_ref text,
    status text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX accounts_newest ON accounts (tenant, created_at DESC, id DESC);
-- A webhook names the account before the tenant is known: auth.account alone asks.
CREATE INDEX accounts_by_open_id ON accounts (platform, open_id);
