import { type FormEvent, useState } from 'react';
import { Link, useNavigate } from 'react-router-dom';
import { type DashboardSummary, get, useApi } from '../api';
import { Failure, Page } from '../ui';

/** "Checkout, EU" as checkout-eu. */
const nameOf = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);

export function Dashboards() {
  const { data, error } = useApi<{ dashboards: DashboardSummary[] }>('/api/v1/dashboards', 15);
  const [title, setTitle] = useState('');
  const [failure, setFailure] = useState<string>();
  const navigate = useNavigate();
  const create = async (event: FormEvent) => {
    event.preventDefault();
    const name = nameOf(title);
    const empty = { kind: 'Dashboard', metadata: { name, project: 'sloengine' }, spec: { display: { name: title }, duration: '1h', refreshInterval: '10s', variables: [], panels: {}, layouts: [] } };
    if (data?.dashboards.some((dashboard) => dashboard.name === name)) {
      setFailure(`There is a dashboard ${name} already.`);
      return;
    }
    try {
      await get(`/api/v1/dashboards/${name}`, undefined, { method: 'PUT', body: JSON.stringify(empty) });
      navigate(`/dashboards/${name}`);
    } catch (refused) {
      setFailure((refused as Error).message);
    }
  };
  return (
    <Page
      title="Dashboards"
      lead="Templates that come with the server, and your own: files in Perses' JSON"
      actions={
        <form className="actions" onSubmit={create}>
          <input aria-label="Title of a new dashboard" placeholder="Title" required pattern=".*[A-Za-z0-9].*" value={title} onChange={(event) => setTitle(event.target.value)} />
          <button type="submit">New dashboard</button>
        </form>
      }
    >
      <Failure error={failure ?? error} />
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Dashboard</th>
              <th>Description</th>
              <th>Source</th>
            </tr>
          </thead>
          <tbody>
            {data?.dashboards.map((dashboard) => (
              <tr key={dashboard.name}>
                <td>
                  <Link to={`/dashboards/${dashboard.name}`}>{dashboard.title}</Link>
                </td>
                <td className="detail">{dashboard.error ?? dashboard.description}</td>
                <td>{dashboard.source}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Page>
  );
}
