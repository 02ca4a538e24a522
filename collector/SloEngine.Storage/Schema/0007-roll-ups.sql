-- Samples of five minutes as one row, which outlive the samples. A day that is rolled up again replaces its rows.

CREATE TABLE IF NOT EXISTS {database}.samples_5m
(
    id        UInt128 CODEC(ZSTD(1)),
    slot      DateTime('UTC') CODEC(Delta, ZSTD(1)),             -- start of the five minutes
    count     UInt32 CODEC(ZSTD(1)),
    sum       Float64 CODEC(Gorilla, ZSTD(1)),
    min       Float64 CODEC(Gorilla, ZSTD(1)),
    max       Float64 CODEC(Gorilla, ZSTD(1)),
    last      Float64 CODEC(Gorilla, ZSTD(1)),
    last_ts   DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    increase  Float64 CODEC(Gorilla, ZSTD(1)),                   -- of a counter, resets accounted, from its previous sample of the day on
    rolled    DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(rolled)
PARTITION BY toYYYYMM(slot)
ORDER BY (id, slot)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

-- Days of samples that are rolled up, and what their partition was then.
CREATE TABLE IF NOT EXISTS {database}.rollup_days
(
    day      Date,
    rows     UInt64,
    blocks   UInt64,             -- highest block number of the partition's parts
    dropped  UInt8,              -- whether the samples are gone: roll-ups answer
    done     DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(done)
ORDER BY day
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
