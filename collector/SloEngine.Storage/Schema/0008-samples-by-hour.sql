-- Within a day, samples lie hour by hour: a window of minutes reads its hour instead of the day of every series it asks for. A sorting key cannot be
-- changed, so that the samples are copied, once, day by day; a copy that broke off begins anew.

DROP TABLE IF EXISTS {database}.samples_by_hour;

CREATE TABLE IF NOT EXISTS {database}.samples_by_hour
(
    id     UInt128 CODEC(ZSTD(1)),
    ts     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    start  DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),   -- start_time_unix_nano; the epoch when not given
    value  Float64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (toStartOfHour(ts), id, ts)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, min_compress_block_size = 262144, merge_selector_base = 10;

INSERT INTO {database}.samples_by_hour SELECT * FROM {database}.samples SETTINGS parallel_distributed_insert_select = 2, max_partitions_per_insert_block = 0;

EXCHANGE TABLES {database}.samples AND {database}.samples_by_hour;

DROP TABLE IF EXISTS {database}.samples_by_hour;
