-- Several engine nodes may share one store: each counts what it takes in, and is to know its own sums from the others'.

ALTER TABLE {database}.sli_buckets
    ADD COLUMN IF NOT EXISTS node LowCardinality(String) AFTER `group`,   -- id of the node's log
    MODIFY ORDER BY (slo, `group`, minute, node);

-- The inserts of all nodes share the window: one that died within an insert may repeat it hours later.
ALTER TABLE {database}.samples MODIFY SETTING non_replicated_deduplication_window = 50000;

ALTER TABLE {database}.histograms MODIFY SETTING non_replicated_deduplication_window = 50000;

ALTER TABLE {database}.exponential_histograms MODIFY SETTING non_replicated_deduplication_window = 50000;

ALTER TABLE {database}.spans MODIFY SETTING non_replicated_deduplication_window = 50000;

ALTER TABLE {database}.logs MODIFY SETTING non_replicated_deduplication_window = 50000;

ALTER TABLE {database}.sli_buckets MODIFY SETTING non_replicated_deduplication_window = 50000;
