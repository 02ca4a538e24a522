// Addresses of pages that carry a query. Perses' explorers keep their whole state in `data`.
export const explorerData = {
  metrics: (query: string) =>
    JSON.stringify({ tab: 'graph', queries: [{ kind: 'TimeSeriesQuery', spec: { plugin: { kind: 'PrometheusTimeSeriesQuery', spec: { query } } } }] }),
  traces: (query: string) => JSON.stringify({ queries: [{ kind: 'TraceQuery', spec: { plugin: { kind: 'TempoTraceQuery', spec: { query, limit: 50 } } } }] }),
};

export const tracesOf = (query: string, start: string) => `/traces?${new URLSearchParams({ data: explorerData.traces(query), start }).toString()}`;
export const logsOf = (query: string, start: string) => `/logs?${new URLSearchParams({ q: query, start }).toString()}`;
