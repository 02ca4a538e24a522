-- The tables as they began. One statement ends with a semicolon at a line's end; {database} is filled in. Later files change them: this one stays.
-- Integers that stand for OTLP enumerations keep the numbers of the wire.

CREATE DATABASE IF NOT EXISTS {database};

-- One row a series (collapsed by merges): what its samples mean.
CREATE TABLE IF NOT EXISTS {database}.series
(
    tenant       LowCardinality(String),
    metric       LowCardinality(String),      -- Prometheus name, suffixes included; for histograms and summaries the base name
    id           UInt128,                     -- hash of tenant, metric, kind, temporality, bounds and sorted labels
    kind         UInt8,                       -- MetricKind: 1 gauge, 2 counter, 3 histogram, 4 exponential histogram, 5 summary quantile
    temporality  UInt8,                       -- 0 unspecified, 1 delta, 2 cumulative
    unit         LowCardinality(String),
    help         String,
    otel_name    LowCardinality(String),      -- the name as it came
    labels       Map(LowCardinality(String), String),  -- without __name__
    bounds       Array(Float64),
    first_seen   SimpleAggregateFunction(min, DateTime),
    last_seen    SimpleAggregateFunction(max, DateTime)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, metric, id, kind, temporality)
SETTINGS allow_dimensions_outside_sorting_key = 1,   -- they all follow from the id
    fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.samples
(
    id     UInt128 CODEC(ZSTD(1)),
    ts     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    start  DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),   -- start_time_unix_nano; the epoch when not given
    value  Float64 CODEC(Gorilla, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (id, ts)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

-- One row a data point; bucket counts are not cumulative, bounds are the series'.
CREATE TABLE IF NOT EXISTS {database}.histograms
(
    id       UInt128 CODEC(ZSTD(1)),
    ts       DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    start    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    count    UInt64 CODEC(Delta, ZSTD(1)),
    sum      Float64 CODEC(Gorilla, ZSTD(1)),
    min      Float64 CODEC(Gorilla, ZSTD(1)),   -- NaN when not given
    max      Float64 CODEC(Gorilla, ZSTD(1)),
    buckets  Array(UInt64) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (id, ts)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.exponential_histograms
(
    id               UInt128 CODEC(ZSTD(1)),
    ts               DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    start            DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    count            UInt64 CODEC(Delta, ZSTD(1)),
    sum              Float64 CODEC(Gorilla, ZSTD(1)),
    min              Float64 CODEC(Gorilla, ZSTD(1)),
    max              Float64 CODEC(Gorilla, ZSTD(1)),
    scale            Int32 CODEC(ZSTD(1)),
    zero_count       UInt64 CODEC(ZSTD(1)),
    zero_threshold   Float64 CODEC(ZSTD(1)),
    positive_offset  Int32 CODEC(ZSTD(1)),
    positive         Array(UInt64) CODEC(ZSTD(1)),
    negative_offset  Int32 CODEC(ZSTD(1)),
    negative         Array(UInt64) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (id, ts)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

-- One row a resource and scope, which logs and spans name by id.
CREATE TABLE IF NOT EXISTS {database}.resources
(
    tenant            LowCardinality(String),
    id                UInt128,
    service           LowCardinality(String),   -- service.name, prefixed by "service.namespace/" where given
    attributes        Map(LowCardinality(String), String),
    attribute_types   String,                   -- a letter an attribute, in the map's order: AttributeType
    scope_name        LowCardinality(String),
    scope_version     LowCardinality(String),
    scope_attributes  Map(LowCardinality(String), String),
    scope_attribute_types String,
    last_seen         DateTime
)
ENGINE = ReplacingMergeTree(last_seen)
ORDER BY (tenant, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.spans
(
    tenant           LowCardinality(String),
    service          LowCardinality(String),
    ts               DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    duration         UInt64 CODEC(ZSTD(1)),      -- nanoseconds
    trace_id         FixedString(16) CODEC(ZSTD(1)),
    span_id          FixedString(8) CODEC(ZSTD(1)),
    parent_span_id   FixedString(8) CODEC(ZSTD(1)),   -- zeros for a root
    trace_state      String CODEC(ZSTD(1)),
    resource         UInt128 CODEC(ZSTD(1)),
    name             LowCardinality(String),
    kind             UInt8,
    status_code      UInt8,
    status_message   String CODEC(ZSTD(1)),
    flags            UInt32 CODEC(ZSTD(1)),
    attributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_types  LowCardinality(String),
    events           Nested(ts DateTime64(9, 'UTC'), name LowCardinality(String), attributes Map(LowCardinality(String), String), attribute_types LowCardinality(String)) CODEC(ZSTD(1)),
    links            Nested(trace_id FixedString(16), span_id FixedString(8), trace_state String, attributes Map(LowCardinality(String), String), attribute_types LowCardinality(String)) CODEC(ZSTD(1)),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, service, toUnixTimestamp(ts))
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.logs
(
    tenant           LowCardinality(String),
    service          LowCardinality(String),
    ts               DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    observed         DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    severity         UInt8,                      -- SeverityNumber 0..24
    severity_text    LowCardinality(String),
    body             String CODEC(ZSTD(1)),
    body_type        LowCardinality(String),     -- a letter: AttributeType
    event_name       LowCardinality(String),
    trace_id         FixedString(16) CODEC(ZSTD(1)),   -- zeros when not given
    span_id          FixedString(8) CODEC(ZSTD(1)),
    flags            UInt32 CODEC(ZSTD(1)),
    resource         UInt128 CODEC(ZSTD(1)),
    attributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_types  LowCardinality(String),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, service, toUnixTimestamp(ts))
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

-- The ledger: increments of good and total events a minute; reading sums them.
CREATE TABLE IF NOT EXISTS {database}.sli_buckets
(
    slo    LowCardinality(String),
    `group` LowCardinality(String),
    minute DateTime CODEC(DoubleDelta, ZSTD(1)),
    good   Float64 CODEC(ZSTD(1)),
    total  Float64 CODEC(ZSTD(1))
)
ENGINE = SummingMergeTree((good, total))
PARTITION BY toYYYYMM(minute)
ORDER BY (slo, `group`, minute)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

-- Current state of each alert, newest version wins.
CREATE TABLE IF NOT EXISTS {database}.alerts
(
    fingerprint   String,
    slo           LowCardinality(String),
    policy        LowCardinality(String),
    severity      LowCardinality(String),
    state         LowCardinality(String),    -- pending, firing, resolved
    labels        Map(LowCardinality(String), String),
    annotations   Map(LowCardinality(String), String),
    active_since  DateTime64(3, 'UTC'),
    fired_at      DateTime64(3, 'UTC'),      -- the epoch until it fires
    resolved_at   DateTime64(3, 'UTC'),      -- the epoch until it resolves
    value         Float64,
    version       UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (fingerprint, active_since)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Notifications owed and sent: the durable log behind retries.
CREATE TABLE IF NOT EXISTS {database}.notifications
(
    id            String,                    -- idempotency key
    fingerprint   String,
    receiver      LowCardinality(String),
    status        LowCardinality(String),    -- queued, delivered, failed
    attempts      UInt32,
    created       DateTime64(3, 'UTC'),
    updated       DateTime64(3, 'UTC'),
    error         String,
    payload       String,
    version       UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
