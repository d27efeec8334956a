-- Duplicates of a fact are identical rows; the *_unique views show each once.
CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String),
    event_id String,
    occurred DateTime64(6, 'UTC'),
    type LowCardinality(String),
    aggregate LowCardinality(String),
    subject_id String,
    version UInt64,
    correlation String,
    cause String,
    _topic LowCardinality(String),
    _partition UInt32,
    _off UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, type, toDate(occurred), event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS publication_metrics
(
    tenant LowCardinality(String),
    event_id String,
    occurred DateTime64(6, 'UTC'),
    publication_id String,
    platform LowCardinality(String),
    observed_at DateTime64(6, 'UTC'),
    views UInt64,
    likes UInt64,
    comments UInt64,
    shares UInt64,
    favourites UInt64,
    completion_rate Nullable(Float64),
    source LowCardinality(String),
    _topic LowCardinality(String),
    _partition UInt32,
    _off UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, publication_id, observed_at, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS ai_calls
(
    tenant LowCardinality(String),
    event_id String,
    occurred DateTime64(6, 'UTC'),
    job_id String,
    subject_id String,
    task LowCardinality(String),
    scene LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    prompt_tokens UInt32,
    completion_tokens UInt32,
    cost Nullable(Decimal(18, 6)),
    currency LowCardinality(String),
    latency_ms UInt32,
    degraded Bool,
    _topic LowCardinality(String),
    _partition UInt32,
    _off UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, subject_id, toDate(occurred), event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS media_minutes
(
    tenant LowCardinality(String),
    event_id String,
    occurred DateTime64(6, 'UTC'),
    asset_id String,
    video_id String,
    job_id String,
    source_seconds Float64,
    renditions UInt16,
    _topic LowCardinality(String),
    _partition UInt32,
    _off UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, video_id, toDate(occurred), event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS leads
(
    tenant LowCardinality(String),
    event_id String,
    occurred DateTime64(6, 'UTC'),
    lead_id String,
    page_id String,
    publication_id String,
    source LowCardinality(String),
    _topic LowCardinality(String),
    _partition UInt32,
    _off UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, publication_id, toDate(occurred), event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS publications
(
    tenant LowCardinality(String),
    event_id String,
    occurred DateTime64(6, 'UTC'),
    publication_id String,
    step LowCardinality(String),
    project_id String,
    video_id String,
    account_id String,
    copy_id String,
    platform LowCardinality(String),
    title String,
    _topic LowCardinality(String),
    _partition UInt32,
    _off UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, publication_id, step, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE OR REPLACE VIEW events_unique AS SELECT * FROM events FINAL;
CREATE OR REPLACE VIEW publication_metrics_unique AS
SELECT * FROM publication_metrics FINAL;
CREATE OR REPLACE VIEW ai_calls_unique AS SELECT * FROM ai_calls FINAL;
CREATE OR REPLACE VIEW media_minutes_unique AS SELECT * FROM media_minutes FINAL;
CREATE OR REPLACE VIEW leads_unique AS SELECT * FROM leads FINAL;
CREATE OR REPLACE VIEW publications_unique AS SELECT * FROM publications FINAL;

-- One row per publication. Views, likes and the like are the newest snapshot. The cost
-- of AI is that of its copy, in the currency of the price book, null without a price.
-- Media seconds are those of its video.
CREATE OR REPLACE VIEW publication_performance AS
WITH
planned AS
(
    SELECT
        tenant, publication_id, platform, title, project_id, video_id, copy_id,
        account_id
    FROM publications FINAL
    WHERE step = 'planned'
),
shown AS
(
    SELECT tenant, publication_id, min(occurred) AS first_shown
    FROM publications FINAL
    WHERE step = 'published'
    GROUP BY tenant, publication_id
),
newest AS
(
    SELECT
        tenant,
        publication_id,
        argMax(views, (observed_at, event_id)) AS newest_views,
        argMax(likes, (observed_at, event_id)) AS newest_likes,
        argMax(comments, (observed_at, event_id)) AS newest_comments,
        argMax(shares, (observed_at, event_id)) AS newest_shares,
        argMax(completion_rate, (observed_at, event_id)) AS newest_completion
    FROM publication_metrics FINAL
    GROUP BY tenant, publication_id
),
caught AS
(
    SELECT tenant, publication_id, count() AS found
    FROM leads FINAL
    GROUP BY tenant, publication_id
),
spent AS
(
    SELECT tenant, subject_id, sum(cost) AS money
    FROM ai_calls FINAL
    GROUP BY tenant, subject_id
),
worked AS
(
    SELECT tenant, video_id, sum(source_seconds) AS seconds
    FROM media_minutes FINAL
    GROUP BY tenant, video_id
)
SELECT
    planned.tenant AS tenant,
    planned.publication_id AS publication_id,
    planned.platform AS platform,
    planned.title AS title,
    planned.project_id AS project_id,
    planned.video_id AS video_id,
    planned.account_id AS account_id,
    shown.first_shown AS published_at,
    ifNull(newest.newest_views, 0) AS views,
    ifNull(newest.newest_likes, 0) AS likes,
    ifNull(newest.newest_comments, 0) AS comments,
    ifNull(newest.newest_shares, 0) AS shares,
    newest.newest_completion AS completion_rate,
    if(views = 0, NULL, (likes + comments + shares) / views) AS interaction_rate,
    ifNull(caught.found, 0) AS leads,
    spent.money AS ai_cost,
    ifNull(worked.seconds, 0) AS media_seconds
FROM planned
LEFT JOIN shown ON shown.tenant = planned.tenant
    AND shown.publication_id = planned.publication_id
LEFT JOIN newest ON newest.tenant = planned.tenant
    AND newest.publication_id = planned.publication_id
LEFT JOIN caught ON caught.tenant = planned.tenant
    AND caught.publication_id = planned.publication_id
LEFT JOIN spent ON spent.tenant = planned.tenant
    AND spent.subject_id = planned.copy_id
LEFT JOIN worked ON worked.tenant = planned.tenant
    AND worked.video_id = planned.video_id
SETTINGS join_use_nulls = 1;
