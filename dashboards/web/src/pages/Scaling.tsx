import { Link } from 'react-router-dom';
import { type ScalingPolicy, useApi } from '../api';
import { burn, number } from '../format';
import { Failure, Page } from '../ui';

export function Scaling() {
  const { data, error } = useApi<{ policies: ScalingPolicy[] }>('/api/v1/scaling', 2);
  return (
    <Page title="Scaling" lead="Replicas recommended from request rate and burn; served over gRPC to KEDA and to watchers">
      <Failure error={error} />
      {data && data.policies.length === 0 && (
        <p className="empty">
          No policy. Put scaling policies into a directory and start with <code>--scaling DIR</code>.
        </p>
      )}
      {data && data.policies.length > 0 && (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Policy</th>
                <th>Workload</th>
                <th>Objective</th>
                <th className="num">Replicas</th>
                <th className="num">Asked for</th>
                <th className="num">Bounds</th>
                <th className="num">Requests/s</th>
                <th className="num">Burn</th>
                <th>Reason</th>
              </tr>
            </thead>
            <tbody>
              {data.policies.map((policy) => (
                <tr key={policy.name}>
                  <td>{policy.name}</td>
                  <td>
                    {policy.target.namespace}/{policy.target.name}
                  </td>
                  <td>
                    <Link to={`/slos/${policy.slo}`}>{policy.slo}</Link>
                  </td>
                  <td className="num">
                    <strong>{number(policy.desiredReplicas)}</strong>
                  </td>
                  <td className="num">{number(policy.rawReplicas)}</td>
                  <td className="num">
                    {policy.minReplicas}–{policy.maxReplicas}
                  </td>
                  <td className="num">{number(policy.requestRate)}</td>
                  <td className="num">{burn(policy.burnRate)}</td>
                  <td>
                    {policy.frozen && policy.desiredReplicas !== null && <span className="status no_data">Held</span>} {policy.reason}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}
