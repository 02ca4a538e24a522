import { useSearchParams } from 'react-router-dom';
import { number } from '../format';
import { useRange } from '../range';
import { Page, Panel, RangePicker } from '../ui';
import { QueryField } from './Logs';
import { labelsText, QueryChart } from './Query';

export function Metrics() {
  const fallback = 'sum by (service_name) (rate(http_server_request_duration_seconds_count[1m]))';
  const range = useRange();
  const [parameters] = useSearchParams();
  return (
    <Page title="Metrics" lead="PromQL" actions={<RangePicker range={range} />}>
      <QueryField label="PromQL query" fallback={fallback} />
      <Panel title="Result" note="first 20 series" wide>
        <QueryChart query={parameters.get('q') ?? fallback} range={range} format={(value) => number(value, 3)} legend={labelsText} height={340} />
      </Panel>
    </Page>
  );
}
