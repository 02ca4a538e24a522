import { Box } from '@mui/material';
import { ErrorAlert, ErrorBoundary } from '@perses-dev/components';
import { DatasourceStoreProvider, VariableProvider } from '@perses-dev/dashboards';
import { ExplorerManagerProviderWithQueryParams } from '@perses-dev/explore';
import { TimeRangeControls, TimeRangeProviderWithQueryParams, useInitialRefreshInterval, useInitialTimeRange } from '@perses-dev/plugin-system';
import { PrometheusExplorer } from '@perses-dev/prometheus-plugin';
import { TempoExplorer } from '@perses-dev/tempo-plugin';
import type { ReactNode } from 'react';
import { Navigate, useSearchParams } from 'react-router-dom';
import { explorerData } from '../links';
import { Page } from '../ui';
import { Perses } from './Perses';
import { datasourceApi } from './sources';

export function MetricsExplorer() {
  return (
    <Explorer title="Metrics" lead="PromQL as table or graph, and a finder of metrics" otherwise={explorerData.metrics('sum by (service_name) (rate(http_server_request_duration_seconds_count[1m]))')}>
      <PrometheusExplorer />
    </Explorer>
  );
}

export function TraceExplorer() {
  return (
    <Explorer title="Traces" lead="Search by TraceQL or by the fields; a trace id shows its spans" otherwise={explorerData.traces('{ status = error }')}>
      <TempoExplorer />
    </Explorer>
  );
}

/** An explorer whose whole state is in the address; without one it begins with an example. */
function Explorer(props: { title: string; lead: string; otherwise: string; children: ReactNode }) {
  const [parameters] = useSearchParams();
  if (!parameters.has('data')) {
    const next = new URLSearchParams(parameters);
    next.set('data', props.otherwise);
    return <Navigate replace to={{ search: next.toString() }} />;
  }
  return (
    <Page title={props.title} lead={props.lead} wide>
      <Perses>
        <Exploration>{props.children}</Exploration>
      </Perses>
    </Page>
  );
}

function Exploration({ children }: { children: ReactNode }) {
  const range = useInitialTimeRange('1h');
  const refresh = useInitialRefreshInterval('0s');
  return (
    <DatasourceStoreProvider datasourceApi={datasourceApi}>
      <TimeRangeProviderWithQueryParams initialTimeRange={range} initialRefreshInterval={refresh}>
        <VariableProvider>
          <ExplorerManagerProviderWithQueryParams>
            <Box className="perses explorer">
              <Box sx={{ display: 'flex', justifyContent: 'flex-end', gap: 1 }}>
                <TimeRangeControls />
              </Box>
              <ErrorBoundary FallbackComponent={ErrorAlert}>{children}</ErrorBoundary>
            </Box>
          </ExplorerManagerProviderWithQueryParams>
        </VariableProvider>
      </TimeRangeProviderWithQueryParams>
    </DatasourceStoreProvider>
  );
}
