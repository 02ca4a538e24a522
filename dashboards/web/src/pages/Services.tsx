import { Link, useParams } from 'react-router-dom';
import { useApi } from '../api';
import { milliseconds, number, time } from '../format';
import { useRange } from '../range';
import { Failure, Page, Panel, RangePicker } from '../ui';
import { LogTable } from './Logs';
import { QueryChart } from './Query';
import { TraceTable } from './Traces';

export function Services() {
  const { data, error } = useApi<{ services: { name: string; lastSeen: string; signals: string[] }[] }>('/api/v1/services', 15);
  return (
    <Page title="Services" lead={data && `${data.services.length} services seen in the last day`}>
      <Failure error={error} />
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Service</th>
              <th>Signals</th>
              <th>Last seen</th>
            </tr>
          </thead>
          <tbody>
            {data?.services.map((service) => (
              <tr key={service.name}>
                <td>
                  <Link to={`/services/${encodeURIComponent(service.name)}`}>{service.name}</Link>
                </td>
                <td>{service.signals.join(', ')}</td>
                <td>{time(service.lastSeen)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Page>
  );
}

/** One template for every service: rate, errors, latency, failing traces, logs. */
export function Service() {
  const { name = '' } = useParams();
  const range = useRange();
  const selector = `service_name="${name}"`;
  const requests = `http_server_request_duration_seconds_count{${selector}}`;
  return (
    <Page title={name} lead="Requests, errors and latency of the service" actions={<RangePicker range={range} />}>
      <div className="grid">
        <Panel title="Requests" note="per second, by route">
          <QueryChart query={`sum by (http_route) (rate(${requests}[1m]))`} range={range} format={(value) => number(value)} legend={(labels) => labels.http_route ?? 'all'} />
        </Panel>
        <Panel title="Server errors" note="per second, by status">
          <QueryChart
            query={`sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count{${selector},http_response_status_code=~"5.."}[1m]))`}
            range={range}
            format={(value) => number(value, 2)}
            legend={(labels) => labels.http_response_status_code ?? 'all'}
          />
        </Panel>
        <Panel title="Latency" note="p50, p95 and p99 of requests" wide>
          <QueryChart
            query={['0.5', '0.95', '0.99'].map((q) => `label_replace(histogram_quantile(${q}, sum by (le) (rate(http_server_request_duration_seconds_bucket{${selector}}[1m]))), "q", "${q}", "", "")`).join(' or ')}
            range={range}
            format={(value) => milliseconds(value * 1000)}
            legend={(labels) => `p${Number(labels.q ?? 0) * 100}`}
          />
        </Panel>
        <Panel title="Failing traces" wide>
          <TraceTable query={`{ resource.service.name = "${name}" && status = error }`} range={range} limit={10} />
        </Panel>
        <Panel title="Warnings and errors" wide>
          <LogTable query={`{service_name="${name}", level=~"warn|error|fatal"}`} range={range} limit={20} />
        </Panel>
      </div>
    </Page>
  );
}
