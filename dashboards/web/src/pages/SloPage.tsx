import { useMemo } from 'react';
import { Link, useParams } from 'react-router-dom';
import { type Change, type ChangedStretch, type Episode, type HistoryPoint, type SloDetail, useApi } from '../api';
import { Chart } from '../Chart';
import { burn, duration, number, percent, time } from '../format';
import { logsOf, tracesOf } from '../links';
import { useRange } from '../range';
import { BudgetBar, Failure, Page, Panel, RangePicker, Status } from '../ui';
import { Corrections } from './Corrections';

/** A young window can spend its budget many times over: the curve would hide everything else. */
const lowestBudget = -1;

export function SloPage() {
  const { id = '' } = useParams();
  const { data: slo, error } = useApi<SloDetail>(`/api/v1/slos/${id}`);
  const range = useRange();
  const { data: history } = useApi<{ points: HistoryPoint[]; changed: ChangedStretch[] }>(`/api/v1/slos/${id}/history?start=${range.start}&end=${range.end}`, 10);
  const { data: episodes } = useApi<{ alerts: Episode[] }>(`/api/v1/alerts/history?slo=${id}&limit=20`);
  const { data: changes } = useApi<{ events: Change[] }>(
    slo ? `/api/v1/events?service=${encodeURIComponent(slo.service)}&start=${range.start}&end=${range.end}&limit=100` : null, 10);
  const marks = useMemo(() => (changes?.events ?? []).map((change) => new Date(change.time).getTime() / 1000), [changes]);
  const charts = useMemo(() => {
    const points = history?.points ?? [];
    return {
      times: points.map((point) => new Date(point.t).getTime() / 1000),
      budget: [{ label: 'Budget left', values: points.map((point) => Math.max(point.budgetRemaining, lowestBudget) * 100), fill: true }],
      burn: [{ label: 'Burn rate', values: points.map((point) => point.burnRate), color: '--series-2' }],
      events: [
        { label: 'Total', values: points.map((point) => point.total), color: '--series-3' },
        { label: 'Bad', values: points.map((point) => point.total - point.good), color: '--bad', fill: true },
      ],
    };
  }, [history]);
  if (!slo) {
    return (
      <Page title={id}>
        <Failure error={error} />
      </Page>
    );
  }
  const start = range.name ?? '1h';
  return (
    <Page
      title={slo.displayName}
      lead={
        <>
          <Status value={slo.status} /> {slo.description}
        </>
      }
      actions={<RangePicker range={range} />}
    >
      <Failure error={error} />
      <div className="figures">
        <Figure label="Objective" value={percent(slo.objective, 3)} note={`over ${slo.window}, rolling`} />
        <Figure label="Attained" value={percent(slo.attained, 3)} note={`${number(slo.goodEvents)} good of ${number(slo.totalEvents)}`} />
        <div className="figure">
          <span>Error budget left</span>
          <BudgetBar remaining={slo.budget.remaining} label="Error budget left" />
          <small>{number(slo.budget.allowed * slo.budget.remaining)} bad events left</small>
        </div>
        <Figure label="Burn over 1 h" value={burn(slo.burnRates.find((rate) => rate.window === '1h')?.burnRate)} note="1× spends exactly the budget" />
        <Figure label="Budget gone in" value={slo.budget.remaining <= 0 ? 'gone' : duration(slo.budget.exhaustionSeconds)} note="at the burn of the last hour" />
      </div>
      <div className="grid">
        <Panel title="Error budget" note="left in the window, percent; drawn down to −100" wide>
          <Chart times={charts.times} lines={charts.budget} marks={marks} format={(value) => `${number(value, 0)} %`} level={0} />
        </Panel>
        <Panel title="Burn rate" note="dashed: 1×">
          <Chart times={charts.times} lines={charts.burn} marks={marks} format={(value) => `${number(value)}×`} level={1} />
        </Panel>
        <Panel title="Events" note="per step">
          <Chart times={charts.times} lines={charts.events} marks={marks} format={(value) => number(value, 0)} />
        </Panel>
        <Panel title="Alert conditions">
          <div className="scroll">
            <table>
              <thead>
                <tr>
                  <th>Policy</th>
                  <th>Severity</th>
                  <th className="num">From</th>
                  <th className="num">Long window</th>
                  <th className="num">Short window</th>
                  <th>State</th>
                </tr>
              </thead>
              <tbody>
                {slo.policies.map((policy) => (
                  <tr key={policy.name + policy.longWindow}>
                    <td>{policy.name}</td>
                    <td>{policy.severity}</td>
                    <td className="num">{burn(policy.factor)}</td>
                    <td className="num">
                      {burn(policy.longBurn)} <small>/ {policy.longWindow}</small>
                    </td>
                    <td className="num">
                      {burn(policy.shortBurn)} <small>/ {policy.shortWindow}</small>
                    </td>
                    <td>
                      <Status value={policy.firing ? 'firing' : 'inactive'} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Panel>
        <Panel title="Alerts" note="newest first">
          <Episodes alerts={episodes?.alerts ?? []} />
        </Panel>
        <Panel title="Changes" note="dotted in the charts; newest first">
          <Changes changes={changes?.events ?? []} />
        </Panel>
        <Corrections slo={slo.name} changed={history?.changed ?? []} />
        <Panel title="Definition" wide>
          <dl className="definition">
            <dt>Good</dt>
            <dd>
              <code>{slo.good}</code>
            </dd>
            <dt>Total</dt>
            <dd>
              <code>{slo.total}</code>
            </dd>
            <dt>Source</dt>
            <dd>{slo.source}</dd>
            <dt>Read on</dt>
            <dd>
              {slo.runbook && (
                <>
                  <a href={slo.runbook}>Runbook</a> ·{' '}
                </>
              )}
              <a href={`/api/v1/slos/${encodeURIComponent(id)}/postmortem?from=${range.start}&to=${range.end}`}>Postmortem draft</a> ·{' '}
              <Link to={`/services/${encodeURIComponent(slo.service)}?start=${start}`}>Service {slo.service}</Link> ·{' '}
              <Link to={tracesOf(`{ resource.service.name = "${slo.service}" && status = error }`, start)}>Failing traces</Link> ·{' '}
              <Link to={logsOf(`{service_name="${slo.service}", detected_level=~"fatal|error|warn"}`, start)}>Error logs</Link>
            </dd>
          </dl>
        </Panel>
      </div>
    </Page>
  );
}

function Figure(props: { label: string; value: string; note: string }) {
  return (
    <div className="figure">
      <span>{props.label}</span>
      <strong>{props.value}</strong>
      <small>{props.note}</small>
    </div>
  );
}

function Changes({ changes }: { changes: Change[] }) {
  if (changes.length === 0) return <p className="empty">No change is known in this time.</p>;
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th>Time</th>
            <th>Kind</th>
            <th>Change</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={change.id}>
              <td>{time(change.time)}</td>
              <td>{change.kind}</td>
              <td>
                {change.link ? <a href={change.link}>{change.title || change.version || change.kind}</a> : change.title || change.version || change.kind}{' '}
                <small>{[change.service, change.environment, change.commit.slice(0, 12)].filter(Boolean).join(' · ')}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Episodes({ alerts }: { alerts: Episode[] }) {
  if (alerts.length === 0) return <p className="empty">No alert so far.</p>;
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th>State</th>
            <th>Alert</th>
            <th>Since</th>
            <th className="num">Lasted</th>
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => (
            <tr key={alert.fingerprint + alert.activeSince}>
              <td>
                <Status value={alert.state} />
              </td>
              <td>
                <Link to={`/slos/${alert.slo}`}>{alert.slo}</Link> <small>{alert.severity}</small>
                <div className="detail">{alert.annotations.description}</div>
              </td>
              <td>{time(alert.activeSince)}</td>
              <td className="num">{duration(((alert.resolvedAt ? new Date(alert.resolvedAt).getTime() : Date.now()) - new Date(alert.activeSince).getTime()) / 1000)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
