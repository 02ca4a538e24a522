// Panels of our own for Perses' dashboards: objectives and alerts beside any query.
import { TextField } from '@mui/material';
import { type OptionsEditorProps, type PanelPlugin, type PanelProps, useReplaceVariablesInString } from '@perses-dev/plugin-system';
import { type Episode, type Slo, useApi } from '../api';
import { Episodes } from '../pages/SloPage';
import { byUrgency, SloTable } from '../pages/SloList';
import { Failure } from '../ui';

interface SloPanelSpec {
  /** Service whose objectives are shown; empty for all. May hold a variable. */
  service?: string;
  /** Rows at most. */
  limit?: number;
}

function SloBudgetsPanel({ spec }: PanelProps<SloPanelSpec>) {
  const service = useReplaceVariablesInString(spec.service ?? '');
  const { data, error } = useApi<{ slos: Slo[] }>('/api/v1/slos');
  const slos = (data?.slos ?? []).filter((slo) => !service || slo.service === service).sort(byUrgency);
  return (
    <div className="panel-content">
      <Failure error={error} />
      {data && slos.length === 0 ? <p className="empty">No objective for {service || 'any service'}.</p> : <SloTable slos={slos.slice(0, spec.limit ?? 50)} />}
    </div>
  );
}

function AlertListPanel({ spec }: PanelProps<SloPanelSpec>) {
  const service = useReplaceVariablesInString(spec.service ?? '');
  const { data: all } = useApi<{ slos: Slo[] }>(service ? '/api/v1/slos' : null, 30);
  const { data, error } = useApi<{ alerts: Episode[] }>('/api/v1/alerts/history?limit=200');
  const ofService = new Set(all?.slos.filter((slo) => slo.service === service).map((slo) => slo.id));
  const alerts = (data?.alerts ?? []).filter((alert) => !service || ofService.has(alert.slo)).slice(0, spec.limit ?? 20);
  return (
    <div className="panel-content">
      <Failure error={error} />
      {data && <Episodes alerts={alerts} />}
    </div>
  );
}

function SloPanelEditor({ value, onChange }: OptionsEditorProps<SloPanelSpec>) {
  return (
    <>
      <TextField
        fullWidth
        label="Service"
        helperText="Empty for all; may hold a variable such as $service"
        value={value.service ?? ''}
        onChange={(event) => onChange({ ...value, service: event.target.value })}
      />
      <TextField
        sx={{ mt: 2 }}
        type="number"
        label="Rows at most"
        value={value.limit ?? 20}
        onChange={(event) => onChange({ ...value, limit: Math.max(1, Number(event.target.value)) })}
      />
    </>
  );
}

const panel = (component: PanelPlugin<SloPanelSpec>['PanelComponent']): PanelPlugin<SloPanelSpec> => ({
  PanelComponent: component,
  supportedQueryTypes: [],
  hideQueryEditor: true,
  panelOptionsEditorComponents: [{ label: 'Settings', content: SloPanelEditor }],
  createInitialOptions: () => ({ limit: 20 }),
});

export const SloBudgets = panel(SloBudgetsPanel);
export const AlertList = panel(AlertListPanel);
