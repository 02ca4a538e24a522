import { Link } from 'react-router-dom';
import { useApi } from '../api';
import { time } from '../format';
import { Failure, Page } from '../ui';

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
