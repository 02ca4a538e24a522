// Our own APIs as Perses' data sources: one of each kind, on the server that the pages came from.
import type { GlobalDatasourceResource } from '@perses-dev/core';
import type { DatasourceApi } from '@perses-dev/dashboards';

const source = (name: string, kind: string, spec: Record<string, unknown> = {}): GlobalDatasourceResource => ({
  kind: 'GlobalDatasource',
  metadata: { name },
  spec: { default: true, plugin: { kind, spec } },
});

const sources = [
  // OpenTelemetry SDKs export at least this often in a platform that wants to page within a minute; $__rate_interval is four of them.
  source('metrics', 'PrometheusDatasource', { scrapeInterval: '15s' }),
  source('traces', 'TempoDatasource'),
  source('logs', 'LokiDatasource'),
];

export const datasourceApi: DatasourceApi = {
  buildProxyUrl: () => location.origin,
  getDatasource: () => Promise.resolve(undefined),
  getGlobalDatasource: (selector) => Promise.resolve(sources.find((one) => one.spec.plugin.kind === selector.kind && (!selector.name || one.metadata.name === selector.name))),
  listDatasources: () => Promise.resolve([]),
  listGlobalDatasources: (kind) => Promise.resolve(sources.filter((one) => !kind || one.spec.plugin.kind === kind)),
};
