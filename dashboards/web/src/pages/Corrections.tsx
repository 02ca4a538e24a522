import { type ChangedStretch, type Correction, useApi } from '../api';
import { number, time } from '../format';
import { Panel } from '../ui';

/** What of an SLO does not count as it came: exclusions within the range, and corrections of its budget with who made them and why. */
export function Corrections({ slo, changed }: { slo: string; changed: ChangedStretch[] }) {
  const { data } = useApi<{ corrections: Correction[] }>(`/api/v1/slos/${encodeURIComponent(slo)}/corrections`, 30);
  const corrections = data?.corrections ?? [];
  const exclusions = changed.filter((stretch) => stretch.by === 'exclusion');
  if (corrections.length + exclusions.length === 0) return null;
  return (
    <Panel title="Corrections and exclusions" note="corrections of all times, exclusions in the range" wide>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>From</th>
              <th>To</th>
              <th>What</th>
              <th>Why</th>
            </tr>
          </thead>
          <tbody>
            {corrections.map((correction) => (
              <tr key={correction.id}>
                <td>{time(correction.from)}</td>
                <td>{time(correction.to)}</td>
                <td>
                  {effect(correction)} <small>{[correction.objective, correction.group].filter(Boolean).join(' ')}</small>
                </td>
                <td>
                  {correction.made.reason} <small>{[correction.reference, `${correction.made.author}, ${time(correction.made.at)}`].filter(Boolean).join(' · ')}</small>
                  {correction.revoked && (
                    <div className="detail">
                      Revoked: {correction.revoked.reason} ({correction.revoked.author}, {time(correction.revoked.at)})
                    </div>
                  )}
                </td>
              </tr>
            ))}
            {exclusions.map((stretch) => (
              <tr key={stretch.from + stretch.reason}>
                <td>{time(stretch.from)}</td>
                <td>{time(stretch.to)}</td>
                <td>Excluded</td>
                <td>{stretch.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function effect(correction: Correction): string {
  const what = correction.exclude ? `Without ${correction.exclude} events` : `${signed(correction.good)} good, ${signed(correction.bad)} bad`;
  return correction.revoked ? `${what} (revoked)` : what;
}

function signed(events: number | null): string {
  return `${(events ?? 0) > 0 ? '+' : ''}${number(events ?? 0)}`;
}
