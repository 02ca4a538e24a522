// Every plugin is part of the bundle, in a chunk of its own that is fetched when a panel first needs it.
import gauge from '@perses-dev/gauge-chart-plugin/package.json';
import loki from '@perses-dev/loki-plugin/package.json';
import markdown from '@perses-dev/markdown-plugin/package.json';
import { dynamicImportPluginLoader, type PluginMetadata, type PluginModuleResource } from '@perses-dev/plugin-system';
import prometheus from '@perses-dev/prometheus-plugin/package.json';
import scatter from '@perses-dev/scatter-chart-plugin/package.json';
import stat from '@perses-dev/stat-chart-plugin/package.json';
import table from '@perses-dev/table-plugin/package.json';
import tempo from '@perses-dev/tempo-plugin/package.json';
import timeSeries from '@perses-dev/timeseries-chart-plugin/package.json';
import timeSeriesTable from '@perses-dev/timeseries-table-plugin/package.json';
import traceTable from '@perses-dev/trace-table-plugin/package.json';
import gantt from '@perses-dev/tracing-gantt-chart-plugin/package.json';

interface PluginPackage {
  name: string;
  version: string;
  perses: { plugins: unknown };
}

const resource = ({ name, version, perses }: PluginPackage): PluginModuleResource => ({
  kind: 'PluginModule',
  metadata: { name, version },
  spec: { plugins: perses.plugins as PluginMetadata[] },
});

const ours = resource({
  name: 'sloengine',
  version: '1',
  perses: {
    plugins: [
      { kind: 'Panel', spec: { name: 'SloBudgets', display: { name: 'SLO budgets' } } },
      { kind: 'Panel', spec: { name: 'AlertList', display: { name: 'Alert list' } } },
    ],
  },
});

export const pluginLoader = dynamicImportPluginLoader([
  { resource: ours, importPlugin: () => import('./panels') },
  { resource: resource(prometheus), importPlugin: () => import('@perses-dev/prometheus-plugin') },
  { resource: resource(loki), importPlugin: async () => ({ ...(await import('@perses-dev/loki-plugin')), LokiLogQuery: (await import('./queries')).LokiLogQuery }) },
  { resource: resource(tempo), importPlugin: async () => ({ ...(await import('@perses-dev/tempo-plugin')), TempoTraceQuery: (await import('./queries')).TempoTraceQuery }) },
  { resource: resource(timeSeries), importPlugin: () => import('@perses-dev/timeseries-chart-plugin') },
  { resource: resource(timeSeriesTable), importPlugin: () => import('@perses-dev/timeseries-table-plugin') },
  { resource: resource(stat), importPlugin: () => import('@perses-dev/stat-chart-plugin') },
  { resource: resource(gauge), importPlugin: () => import('@perses-dev/gauge-chart-plugin') },
  { resource: resource(table), importPlugin: () => import('@perses-dev/table-plugin') },
  { resource: resource(markdown), importPlugin: () => import('@perses-dev/markdown-plugin') },
  { resource: resource(traceTable), importPlugin: () => import('@perses-dev/trace-table-plugin') },
  { resource: resource(gantt), importPlugin: () => import('@perses-dev/tracing-gantt-chart-plugin') },
  { resource: resource(scatter), importPlugin: () => import('@perses-dev/scatter-chart-plugin') },
]);
