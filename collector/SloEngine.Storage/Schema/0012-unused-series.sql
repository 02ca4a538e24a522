-- Series without rows, between finding them and deleting their descriptions. The table stays: a deletion that a crash interrupts goes on reading it.
CREATE TABLE IF NOT EXISTS {database}.series_unused
(
    id  UInt128
)
ENGINE = MergeTree
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;
