// Query plugins in place of Perses' own: its trace query leaves variables as they stand, its log query takes the server's default
// number of lines and shows them stream by stream.
import { LokiLogQuery as PersesLogQuery, type LokiClient } from '@perses-dev/loki-plugin';
import { parseVariables, replaceVariables, type TraceQueryPlugin } from '@perses-dev/plugin-system';
import { TempoTraceQuery as PersesTraceQuery } from '@perses-dev/tempo-plugin';

const maxLines = 500;

type TraceSpec = Parameters<typeof PersesTraceQuery.getTraceData>[0];

export const TempoTraceQuery: TraceQueryPlugin<TraceSpec> = {
  ...PersesTraceQuery,
  getTraceData: (spec, context) => PersesTraceQuery.getTraceData({ ...spec, query: replaceVariables(spec.query, context.variableState) }, context),
  dependsOn: (spec) => ({ variables: parseVariables(spec.query) }),
};

type LogPlugin = typeof PersesLogQuery;

export const LokiLogQuery: LogPlugin = {
  ...PersesLogQuery,
  getLogData: async (spec, context) => {
    const { start, end } = context.timeRange;
    if (!spec.query) return { logs: { entries: [], totalCount: 0 }, timeRange: { start, end } };
    const query = replaceVariables(spec.query, context.variableState);
    const client = await context.datasourceStore.getDatasourceClient<LokiClient>(spec.datasource ?? { kind: 'LokiDatasource' });
    const direction = spec.direction ?? 'backward';
    const response = await client.queryRange({ query, start: start.getTime().toString(), end: end.getTime().toString(), direction, limit: maxLines });
    // The plugin's type of an answer is both a matrix and streams, so nothing; a log query is answered by streams.
    const entries = (response.data as { result: { stream: Record<string, string>; values: [string, string][] }[] }).result
      .flatMap((stream) => stream.values.map(([at, line]) => ({ timestamp: Number(at) / 1e9, line, labels: stream.stream })))
      .sort((a, b) => (direction === 'forward' ? a.timestamp - b.timestamp : b.timestamp - a.timestamp));
    return { logs: { entries, totalCount: entries.length }, timeRange: { start, end }, metadata: { executedQueryString: query } };
  },
};
