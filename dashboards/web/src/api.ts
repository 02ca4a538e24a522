// The server's JSON, and how pages fetch it.
import { useEffect, useState } from 'react';

export interface AlertSummary {
  policy: string | null;
  severity: 'page' | 'ticket';
  state: 'inactive' | 'pending' | 'firing';
  since: string | null;
}

export interface Slo {
  id: string;
  /** Of an objective or a group the SLO's id. */
  name: string;
  displayName: string;
  description: string;
  service: string;
  labels: Record<string, string>;
  runbook: string | null;
  objective: number;
  window: string;
  sliKind: string;
  good: string;
  total: string;
  attained: number | null;
  goodEvents: number;
  totalEvents: number;
  budget: { allowed: number; consumed: number; remaining: number; exhaustionSeconds: number | null };
  burnRates: { window: string; burnRate: number | null; good: number; total: number; coverage: number }[];
  coverage: number;
  status: 'ok' | 'warning' | 'burning' | 'exhausted' | 'no_data';
  alerts: AlertSummary[];
}

export interface SloDetail extends Slo {
  policies: {
    name: string;
    severity: string;
    longWindow: string;
    shortWindow: string;
    factor: number;
    longBurn: number | null;
    shortBurn: number | null;
    firing: boolean;
  }[];
  source: string;
}

export interface HistoryPoint {
  t: string;
  good: number;
  total: number;
  budgetRemaining: number;
  burnRate: number | null;
}

/** A stretch in which not all events count as they came. */
export interface ChangedStretch {
  from: string;
  to: string;
  by: 'exclusion' | 'correction';
  reason: string;
}

export interface AuditEntry {
  author: string;
  reason: string;
  at: string;
}

export interface Correction {
  id: string;
  objective: string;
  group: string;
  from: string;
  to: string;
  exclude: 'all' | 'bad' | null;
  good: number | null;
  bad: number | null;
  reference: string;
  made: AuditEntry;
  revoked: AuditEntry | null;
}

export interface Episode {
  fingerprint: string;
  slo: string;
  policy: string;
  severity: string;
  state: string;
  annotations: Record<string, string>;
  activeSince: string;
  firedAt: string | null;
  resolvedAt: string | null;
  value: number;
}

/** A change that may be why an objective burns. */
export interface Change {
  id: string;
  time: string;
  kind: string;
  service: string;
  environment: string;
  version: string;
  commit: string;
  title: string;
  link: string;
}

export interface ScalingPolicy {
  name: string;
  target: { namespace: string; name: string };
  slo: string;
  desiredReplicas: number | null;
  rawReplicas: number | null;
  requestRate: number | null;
  requestsPerReplica: number;
  burnRate: number | null;
  minReplicas: number;
  maxReplicas: number;
  frozen: boolean;
  reason: string;
  updatedAt: string | null;
}

export interface DashboardSummary {
  name: string;
  title: string;
  description: string;
  source: 'template' | 'file';
  error: string | null;
}

export interface LogStream {
  stream: Record<string, string>;
  values: [string, string][];
}

/** Fetches JSON; the error says what the server said. */
export async function get<T>(path: string, signal?: AbortSignal, init?: RequestInit): Promise<T> {
  const response = await fetch(path, { ...init, signal });
  if (!response.ok) {
    const text = await response.text();
    let message = text;
    try {
      const body = JSON.parse(text) as { error?: string; detail?: string };
      message = body.error ?? body.detail ?? text;
    } catch {
      // Plain text says it as it is.
    }
    throw new Error(message || `${response.status} ${response.statusText}`);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export interface Loaded<T> {
  data?: T;
  error?: string;
}

/** What is asked for, whatever the time: a moving range is the same question. */
function question(path: string | null): string | null {
  return path?.replace(/([?&])(start|end)=[^&]*/g, '$1') ?? null;
}

/** Fetches a path now, whenever it changes, and every few seconds; an error, or a range that moves, keeps the last data on the page. */
export function useApi<T>(path: string | null, refreshSeconds = 5): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T> & { question?: string | null }>({});
  useEffect(() => {
    if (path === null) return;
    const asked = question(path);
    const abort = new AbortController();
    const load = () =>
      get<T>(path, abort.signal).then(
        (data) => setLoaded({ data, question: asked }),
        (failure: Error) => {
          if (!abort.signal.aborted) setLoaded((last) => ({ data: last.question === asked ? last.data : undefined, error: failure.message, question: asked }));
        },
      );
    void load();
    const timer = refreshSeconds > 0 ? setInterval(load, refreshSeconds * 1000) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [path, refreshSeconds]);
  return loaded.question === question(path) ? loaded : {};
}
