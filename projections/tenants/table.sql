CREATE TABLE tenants (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    name text,
    plan text,
    asset_bytes bigint,
    asset_files bigint,
    PRIMARY KEY (tenant, id)
);
CREATE TABLE users (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    role text,
    PRIMARY KEY (tenant, id)
);
CREATE TABLE keys (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    user_id text,
    role text,
    sha256 text,
    label text,
    revoked boolean,
    PRIMARY KEY (tenant, id)
);
-- The one question asked before the tenant is known, through auth.key alone.
CREATE INDEX keys_by_hash ON keys (sha256);
