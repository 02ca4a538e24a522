-- Whose an alert, or a notification of it, is. What was there before is the operator's.
ALTER TABLE {database}.alerts ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) DEFAULT 'default' AFTER slo;

ALTER TABLE {database}.notifications ADD COLUMN IF NOT EXISTS tenant LowCardinality(String) DEFAULT 'default' AFTER fingerprint;
