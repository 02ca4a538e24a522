-- What was changed, where and by whom: deployments, rotations, scalings, configuration and policies; told by somebody, or read from telemetry.

CREATE TABLE IF NOT EXISTS {database}.events
(
    tenant       LowCardinality(String),
    id           String,                             -- of equal ones one is left
    time         DateTime64(3, 'UTC'),
    kind         LowCardinality(String),             -- deployment, rotation, scaling, configuration, policy, discovery, other
    service      LowCardinality(String),             -- empty: of the platform
    environment  LowCardinality(String),
    version      String,
    commit       String,
    title        String,
    link         String,
    source       LowCardinality(String),             -- api, log, span, service.version
    attributes   Map(LowCardinality(String), String),
    revision     UInt64                              -- of rows with one id the one with the highest is left
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (tenant, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 50000;
