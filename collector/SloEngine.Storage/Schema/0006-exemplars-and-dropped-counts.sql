-- Single observations of a series, with the span that made them. SDKs send the same one again until they have a later one, so those collapse.

CREATE TABLE IF NOT EXISTS {database}.exemplars
(
    id               UInt128 CODEC(ZSTD(1)),              -- the series'
    ts               DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    value            Float64 CODEC(ZSTD(1)),
    trace_id         FixedString(16) CODEC(ZSTD(1)),      -- zeros when not given
    span_id          FixedString(8) CODEC(ZSTD(1)),
    attributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),   -- filtered_attributes, or other labels of remote write
    attribute_types  LowCardinality(String)               -- a letter an attribute: AttributeType
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (id, ts, trace_id, span_id, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 50000;

-- What senders say that they have left out, and the flags of links.

ALTER TABLE {database}.resources
    ADD COLUMN IF NOT EXISTS dropped_attributes_count UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS scope_dropped_attributes_count UInt32 CODEC(ZSTD(1));

ALTER TABLE {database}.spans
    ADD COLUMN IF NOT EXISTS dropped_attributes_count UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS dropped_events_count UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS dropped_links_count UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS events.dropped_attributes_count Array(UInt32) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS links.dropped_attributes_count Array(UInt32) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS links.flags Array(UInt32) CODEC(ZSTD(1));

ALTER TABLE {database}.logs ADD COLUMN IF NOT EXISTS dropped_attributes_count UInt32 CODEC(ZSTD(1));
