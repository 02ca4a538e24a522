import { Box } from '@mui/material';
import type { QueryDefinition } from '@perses-dev/core';
import { DatasourceStoreProvider, Panel, VariableProvider } from '@perses-dev/dashboards';
import { DataQueriesProvider, TimeRangeProviderWithQueryParams } from '@perses-dev/plugin-system';
import { useParams, useSearchParams } from 'react-router-dom';
import { Page } from '../ui';
import { Perses } from './Perses';
import { datasourceApi } from './sources';

/** The spans of one trace. */
export default function TracePage() {
  const { id = '' } = useParams();
  const [parameters] = useSearchParams();
  const query: QueryDefinition = { kind: 'TraceQuery', spec: { plugin: { kind: 'TempoTraceQuery', spec: { query: id } } } };
  return (
    <Page title="Trace" lead={<code>{id}</code>} wide>
      <Perses>
        <DatasourceStoreProvider datasourceApi={datasourceApi}>
          <TimeRangeProviderWithQueryParams initialTimeRange={{ pastDuration: '1h' }} initialRefreshInterval="0s">
            <VariableProvider>
              <DataQueriesProvider definitions={[{ kind: 'TempoTraceQuery', spec: { query: id } }]}>
                <Box className="perses trace">
                  <Panel
                    panelOptions={{ hideHeader: true }}
                    definition={{
                      kind: 'Panel',
                      spec: {
                        display: { name: id },
                        queries: [query],
                        plugin: {
                          kind: 'TracingGanttChart',
                          spec: {
                            visual: { palette: { mode: 'categorical' } },
                            links: { trace: '/traces/${traceId}', span: '/traces/${traceId}?span=${spanId}' },
                            selectedSpanId: parameters.get('span') ?? undefined,
                          },
                        },
                      },
                    }}
                  />
                </Box>
              </DataQueriesProvider>
            </VariableProvider>
          </TimeRangeProviderWithQueryParams>
        </DatasourceStoreProvider>
      </Perses>
    </Page>
  );
}
