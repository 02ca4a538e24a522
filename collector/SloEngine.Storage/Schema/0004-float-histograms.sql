-- Native histograms with fractional counts, which recording rules give: buckets by their indexes in Prometheus' schema; of schema -53 by `bounds`.

CREATE TABLE IF NOT EXISTS {database}.float_histograms
(
    id                UInt128 CODEC(ZSTD(1)),
    ts                DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    hint              UInt8 CODEC(ZSTD(1)),   -- 0 unknown, 1 reset, 2 no reset, 3 gauge
    count             Float64 CODEC(Delta, ZSTD(1)),
    sum               Float64 CODEC(Delta, ZSTD(1)),
    schema            Int32 CODEC(ZSTD(1)),
    zero_count        Float64 CODEC(ZSTD(1)),
    zero_threshold    Float64 CODEC(ZSTD(1)),
    positive_indexes  Array(Int32) CODEC(ZSTD(1)),
    positive          Array(Float64) CODEC(ZSTD(1)),
    negative_indexes  Array(Int32) CODEC(ZSTD(1)),
    negative          Array(Float64) CODEC(ZSTD(1)),
    bounds            Array(Float64) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (id, ts)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
    merge_selector_base = 10;
