-- What an insert writes of logs and spans is merged within the minute: the engine of ours packs it by LZ4, and by ZSTD once it is merged. An insert of spans takes a quarter
-- less for it. Servers of others know nothing of ages: {codec} stands for ZSTD(1) there, as it was.

ALTER TABLE {database}.spans
    MODIFY COLUMN ts CODEC(Delta, {codec}),
    MODIFY COLUMN duration CODEC({codec}),
    MODIFY COLUMN trace_id CODEC({codec}),
    MODIFY COLUMN span_id CODEC({codec}),
    MODIFY COLUMN parent_span_id CODEC({codec}),
    MODIFY COLUMN trace_state CODEC({codec}),
    MODIFY COLUMN resource CODEC({codec}),
    MODIFY COLUMN status_message CODEC({codec}),
    MODIFY COLUMN flags CODEC({codec}),
    MODIFY COLUMN attributes CODEC({codec}),
    MODIFY COLUMN events.ts CODEC({codec}),
    MODIFY COLUMN events.name CODEC({codec}),
    MODIFY COLUMN events.attributes CODEC({codec}),
    MODIFY COLUMN events.attribute_types CODEC({codec}),
    MODIFY COLUMN links.trace_id CODEC({codec}),
    MODIFY COLUMN links.span_id CODEC({codec}),
    MODIFY COLUMN links.trace_state CODEC({codec}),
    MODIFY COLUMN links.attributes CODEC({codec}),
    MODIFY COLUMN links.attribute_types CODEC({codec}),
    MODIFY COLUMN dropped_attributes_count CODEC({codec}),
    MODIFY COLUMN dropped_events_count CODEC({codec}),
    MODIFY COLUMN dropped_links_count CODEC({codec}),
    MODIFY COLUMN events.dropped_attributes_count CODEC({codec}),
    MODIFY COLUMN links.dropped_attributes_count CODEC({codec}),
    MODIFY COLUMN links.flags CODEC({codec});

ALTER TABLE {database}.logs
    MODIFY COLUMN ts CODEC(Delta, {codec}),
    MODIFY COLUMN observed CODEC(Delta, {codec}),
    MODIFY COLUMN body CODEC({codec}),
    MODIFY COLUMN trace_id CODEC({codec}),
    MODIFY COLUMN span_id CODEC({codec}),
    MODIFY COLUMN flags CODEC({codec}),
    MODIFY COLUMN resource CODEC({codec}),
    MODIFY COLUMN attributes CODEC({codec}),
    MODIFY COLUMN dropped_attributes_count CODEC({codec});
