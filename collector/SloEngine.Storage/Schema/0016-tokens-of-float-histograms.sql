-- Tokens of inserts are remembered as those of the other tables of telemetry are: an outage of hours is replayed in more than a thousand inserts.

ALTER TABLE {database}.float_histograms MODIFY SETTING non_replicated_deduplication_window = 50000;
