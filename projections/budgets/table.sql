CREATE TABLE budgets (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    currency text,
    ceiling numeric,
    timezone text,
    limits jsonb,
    rates jsonb,
    PRIMARY KEY (tenant, id)
);

-- One row for each call that money was asked for; `amount` is what it counts now.
CREATE TABLE reservations (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    status text,
    asked numeric,
    amount numeric,
    cost numeric,
    billed_in text,
    day text,
    project_id text,
    person_id text,
    limited_by jsonb,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX reservations_of_day ON reservations (tenant, day);

CREATE TABLE budget_warnings (
    tenant text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    event_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    period text,
    whose text,
    soft numeric,
    used numeric,
    PRIMARY KEY (tenant, id)
);
