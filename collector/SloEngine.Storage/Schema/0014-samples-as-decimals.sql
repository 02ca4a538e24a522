-- A value is kept as the decimal fraction that its sender meant: number / 10^scale, where that is the value to the bit (else, under scale 255, number holds the
-- bits of the Float64). Differences of such numbers are short, where those of floating-point bits are not. A column cannot take the place of another of its
-- name, so that the samples are copied, once; a copy that broke off begins anew.

DROP TABLE IF EXISTS {database}.samples_as_decimals;

CREATE TABLE IF NOT EXISTS {database}.samples_as_decimals
(
    id     UInt128 CODEC(ZSTD(1)),
    ts     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    start  DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),   -- start_time_unix_nano; the epoch when not given
    number Int64 CODEC(Delta, T64('bit'), ZSTD(1)),
    scale  UInt8 CODEC(ZSTD(1)),
    value  Float64 ALIAS if(scale = 255, reinterpretAsFloat64(number), number / exp10(scale))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (toStartOfHour(ts), id, ts)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 50000, min_compress_block_size = 262144, merge_selector_base = 24;

INSERT INTO {database}.samples_as_decimals (id, ts, start, number, scale)
WITH
    if(abs(value) < 9e12, value, 0.) AS bounded,
    toInt64(bounded) AS whole,
    toInt64(round(bounded * 1000)) AS thousandths,
    reinterpretAsInt64(value) AS bits,
    multiIf(reinterpretAsInt64(toFloat64(whole)) = bits, 0, reinterpretAsInt64(thousandths / 1000) = bits, 3, 255) AS places
SELECT id, ts, start, multiIf(places = 0, whole, places = 3, thousandths, bits), places FROM {database}.samples
SETTINGS parallel_distributed_insert_select = 2, distributed_foreground_insert = 1, max_partitions_per_insert_block = 0;

EXCHANGE TABLES {database}.samples AND {database}.samples_as_decimals;

DROP TABLE IF EXISTS {database}.samples_as_decimals;
