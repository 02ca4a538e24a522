-- SLOs that were saved through the API: every version of each. The highest is in use, unless it is a removal.
CREATE TABLE IF NOT EXISTS {database}.slo_definitions
(
    id          String,
    version     UInt32,
    change      String,                     -- tells two changes of one version apart, of which one is kept
    removed     UInt8,
    text        String CODEC(ZSTD(1)),      -- as it was sent
    author      String,
    credential  String,
    created     DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (id, version)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;

-- Corrections of budgets: a row when one is made, another when it is revoked. Rows are never changed nor removed.
CREATE TABLE IF NOT EXISTS {database}.slo_corrections
(
    id          String,
    action      LowCardinality(String),     -- made, revoked
    slo         String,
    objective   String,                     -- empty for all
    `group`     String,                     -- empty for all
    kind        LowCardinality(String),     -- CorrectionKind
    begin       DateTime('UTC'),
    end         DateTime('UTC'),
    good        Float64,
    bad         Float64,
    reference   String,
    reason      String,
    author      String,
    credential  String,                     -- empty without authentication
    created     DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (id, created)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000;
