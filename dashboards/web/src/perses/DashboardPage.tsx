import { useSnackbar } from '@perses-dev/components';
import type { DashboardResource, EphemeralDashboardResource } from '@perses-dev/core';
import { ViewDashboard } from '@perses-dev/dashboards';
import { useState } from 'react';
import { Link, useParams } from 'react-router-dom';
import { get, useApi } from '../api';
import { Failure, Page } from '../ui';
import { Perses } from './Perses';
import { datasourceApi } from './sources';

/** A dashboard that can be looked at, edited and saved. */
export default function DashboardPage() {
  const { name = '' } = useParams();
  const { data, error } = useApi<DashboardResource>(`/api/v1/dashboards/${name}`, 0);
  const { display } = data?.spec ?? {};
  if (!data) {
    return (
      <Page title={name}>
        <Failure error={error} />
      </Page>
    );
  }
  return (
    <Page title={display?.name ?? name} lead={display?.description} wide>
      <Perses>
        <EditableDashboard key={name} resource={data} />
      </Perses>
    </Page>
  );
}

/** The dashboard of the template "service", for the service in the address. */
export function ServiceDashboard() {
  const { name = '' } = useParams();
  const { data, error } = useApi<DashboardResource>('/api/v1/dashboards/service', 0);
  return (
    <Page
      title={name}
      lead="Objectives, requests, errors, latency, failing traces and logs"
      actions={<Link to={`/dashboards/service?var-service=${encodeURIComponent(name)}`}>Edit this dashboard</Link>}
      wide
    >
      <Failure error={error} />
      {data && (
        <Perses>
          <ViewDashboard key={name} {...shared} className="perses fixed" dashboardResource={withService(data, name)} isReadonly />
        </Perses>
      )}
    </Page>
  );
}

/** Perses leaves a margin of its own inside the page's. */
const shared = {
  datasourceApi,
  isVariableEnabled: true,
  isDatasourceEnabled: false,
  sx: { mx: -2, width: 'calc(100% + 32px)' },
  dashboardTitleComponent: <span />,
};

/** The address says which service it is, so that there is nothing to choose. */
function withService(resource: DashboardResource, name: string): DashboardResource {
  const variables = resource.spec.variables.map((variable) =>
    variable.spec.name === 'service'
      ? { kind: 'TextVariable' as const, spec: { name: 'service', value: name, constant: true, display: { name: 'Service', hidden: true } } }
      : variable,
  );
  return { ...resource, spec: { ...resource.spec, variables } };
}

function EditableDashboard({ resource }: { resource: DashboardResource }) {
  const { successSnackbar, exceptionSnackbar } = useSnackbar();
  const [saved, setSaved] = useState(resource);
  const save = async (dashboard: DashboardResource | EphemeralDashboardResource) => {
    // A save counts the version on; the next one is made from it.
    const next = { ...dashboard, metadata: { ...dashboard.metadata, version: saved.metadata.version } };
    try {
      setSaved(await get<DashboardResource>(`/api/v1/dashboards/${resource.metadata.name}`, undefined, { method: 'PUT', body: JSON.stringify(next) }));
      successSnackbar('Saved');
    } catch (failure) {
      exceptionSnackbar(failure);
      throw failure;
    }
  };
  return <ViewDashboard {...shared} className="perses" dashboardResource={resource} isReadonly={false} isLeavingConfirmDialogEnabled={false} onSave={save} />;
}
