import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router-dom';
import { type Slo, useApi } from '../api';
import { burn, duration, percent } from '../format';
import { BudgetBar, Failure, Page, Status } from '../ui';

const order = { burning: 0, exhausted: 1, warning: 2, no_data: 3, ok: 4 };
const sorts: Record<string, (a: Slo, b: Slo) => number> = {
  status: (a, b) => byUrgency(a, b),
  budget: (a, b) => a.budget.remaining - b.budget.remaining,
  burn: (a, b) => (hourBurn(b) ?? -1) - (hourBurn(a) ?? -1),
  name: (a, b) => a.displayName.localeCompare(b.displayName),
  service: (a, b) => a.service.localeCompare(b.service),
};

function hourBurn(slo: Slo): number | null {
  return slo.burnRates.find((rate) => rate.window === '1h')?.burnRate ?? null;
}

export const byUrgency = (a: Slo, b: Slo) => order[a.status] - order[b.status] || a.budget.remaining - b.budget.remaining;

type Heading = (name: string, label: string, className?: string) => ReactNode;

const plainHeading: Heading = (name, label, className) => (
  <th key={name} className={className}>
    {label}
  </th>
);

/** A row an objective; the headings may sort. */
export function SloTable({ slos, heading = plainHeading }: { slos: Slo[]; heading?: Heading }) {
  return (
    <div className="scroll">
      <table className="slos">
        <thead>
          <tr>
            {heading('status', 'Status')}
            {heading('name', 'Objective')}
            {heading('service', 'Service')}
            <th className="num">Target</th>
            <th className="num">Attained</th>
            {heading('budget', 'Error budget left')}
            {heading('burn', 'Burn 1 h', 'num')}
            <th className="num">Gone in</th>
            <th>Alerts</th>
          </tr>
        </thead>
        <tbody>
          {slos.map((slo) => (
            <tr key={slo.id}>
              <td>
                <Status value={slo.status} />
              </td>
              <td>
                <Link to={`/slos/${slo.id}`}>{slo.displayName}</Link>
              </td>
              <td>
                <Link className="quiet" to={`/services/${encodeURIComponent(slo.service)}`}>
                  {slo.service}
                </Link>
              </td>
              <td className="num">
                {percent(slo.objective, 3)} <small>/ {slo.window}</small>
              </td>
              <td className="num">{percent(slo.attained, 3)}</td>
              <td>
                <BudgetBar remaining={slo.budget.remaining} label={`Error budget left of ${slo.displayName}`} />
              </td>
              <td className={`num ${(hourBurn(slo) ?? 0) > 1 ? 'hot' : ''}`}>{burn(hourBurn(slo))}</td>
              <td className="num">{slo.budget.remaining <= 0 ? 'gone' : duration(slo.budget.exhaustionSeconds)}</td>
              <td>{slo.alerts.filter((alert) => alert.state !== 'inactive').map((alert) => <span key={alert.severity} className={`status ${alert.state}`}>{alert.severity}</span>)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function SloList() {
  const [parameters, setParameters] = useSearchParams();
  const { data, error } = useApi<{ slos: Slo[]; errors: { file: string; line: number; column: number; message: string }[] }>('/api/v1/slos');
  const set = (name: string, value: string) =>
    setParameters((current) => {
      if (value) current.set(name, value);
      else current.delete(name);
      return current;
    }, { replace: true });
  const query = (parameters.get('q') ?? '').toLowerCase();
  const service = parameters.get('service') ?? '';
  const sort = parameters.get('sort') ?? 'status';
  const all = data?.slos ?? [];
  const shown = all
    .filter((slo) => (!service || slo.service === service) && (!query || `${slo.id} ${slo.displayName} ${slo.service}`.toLowerCase().includes(query)))
    .sort(sorts[sort] ?? sorts.status);
  const count = (status: Slo['status']) => all.filter((slo) => slo.status === status).length;
  const heading: Heading = (name, label, className) => (
    <th key={name} className={className} aria-sort={sort === name ? 'ascending' : undefined}>
      <button type="button" className="sort" onClick={() => set('sort', name)}>
        {label}
      </button>
    </th>
  );
  return (
    <Page
      title="Service level objectives"
      lead={data && `${all.length} objectives · ${count('burning')} burning · ${count('exhausted')} exhausted · ${count('warning')} in warning · ${count('ok')} on course`}
      actions={
        <>
          <input type="search" aria-label="Search objectives" placeholder="Search" value={parameters.get('q') ?? ''} onChange={(event) => set('q', event.target.value)} />
          <select aria-label="Service" value={service} onChange={(event) => set('service', event.target.value)}>
            <option value="">All services</option>
            {[...new Set(all.map((slo) => slo.service))].sort().map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </>
      }
    >
      <Failure error={error} />
      {data?.errors.map((wrong) => <Failure key={`${wrong.file}${wrong.line}`} error={`${wrong.file}:${wrong.line}:${wrong.column}: ${wrong.message}`} />)}
      {data && all.length === 0 && (
        <div className="empty">
          <h2>No objectives yet</h2>
          <p>
            Put OpenSLO files into a directory and start with <code>--slos DIR</code>; they are read again whenever they change.
          </p>
        </div>
      )}
      {shown.length > 0 && (
        <SloTable slos={shown} heading={heading} />
      )}
      {data && all.length > 0 && shown.length === 0 && <p className="empty">No objective matches.</p>}
    </Page>
  );
}
