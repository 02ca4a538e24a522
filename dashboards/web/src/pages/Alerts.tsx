import { type Episode, useApi } from '../api';
import { time } from '../format';
import { Failure, Page, Panel, Status } from '../ui';
import { Episodes } from './SloPage';

interface Notification {
  id: string;
  receiver: string;
  status: string;
  attempts: number;
  updated: string;
  error: string;
}

export function Alerts() {
  const { data, error } = useApi<{ alerts: Episode[] }>('/api/v1/alerts/history?limit=200');
  const { data: sent } = useApi<{ notifications: Notification[] }>('/api/v1/notifications?limit=50');
  const active = data?.alerts.filter((alert) => alert.state !== 'resolved') ?? [];
  const past = data?.alerts.filter((alert) => alert.state === 'resolved') ?? [];
  return (
    <Page title="Alerts" lead={data && `${active.length} active · ${past.length} resolved`}>
      <Failure error={error} />
      <div className="grid">
        <Panel title="Active" wide>
          {active.length === 0 ? <p className="empty">Nothing fires.</p> : <Episodes alerts={active} />}
        </Panel>
        <Panel title="Resolved" wide>
          <Episodes alerts={past} />
        </Panel>
        <Panel title="Notifications" wide>
          {sent?.notifications.length ? (
            <div className="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Status</th>
                    <th>Receiver</th>
                    <th className="num">Attempts</th>
                    <th>Last attempt</th>
                    <th>Error</th>
                  </tr>
                </thead>
                <tbody>
                  {sent.notifications.map((notification) => (
                    <tr key={notification.id}>
                      <td>
                        <Status value={notification.status} />
                      </td>
                      <td>{notification.receiver}</td>
                      <td className="num">{notification.attempts}</td>
                      <td>{time(notification.updated)}</td>
                      <td>{notification.error}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ) : (
            <p className="empty">None sent. Receivers come from the file that --receivers names.</p>
          )}
        </Panel>
      </div>
    </Page>
  );
}
