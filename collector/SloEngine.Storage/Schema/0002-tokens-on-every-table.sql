-- The first version left these two out: a batch inserted again under the same token was stored twice.

ALTER TABLE {database}.alerts MODIFY SETTING non_replicated_deduplication_window = 1000;

ALTER TABLE {database}.notifications MODIFY SETTING non_replicated_deduplication_window = 1000;
