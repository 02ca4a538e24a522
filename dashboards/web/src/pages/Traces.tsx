import { useState } from 'react';
import { Link, useParams, useSearchParams } from 'react-router-dom';
import { type Trace, useApi } from '../api';
import { milliseconds } from '../format';
import { type Range, useRange } from '../range';
import { Failure, Page, RangePicker } from '../ui';
import { QueryField } from './Logs';

export function TraceTable({ query, range, limit }: { query: string; range: Range; limit: number }) {
  const { data, error } = useApi<{ traces: Trace[] }>(`/api/search?q=${encodeURIComponent(query)}&start=${range.start}&end=${range.end}&limit=${limit}`, 10);
  return (
    <>
      <Failure error={error} />
      {data && data.traces.length === 0 && <p className="empty">No trace in this range.</p>}
      {data && data.traces.length > 0 && (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Started</th>
                <th>Service</th>
                <th>Root</th>
                <th className="num">Duration</th>
                <th>Trace</th>
              </tr>
            </thead>
            <tbody>
              {data.traces.map((trace) => (
                <tr key={trace.traceID}>
                  <td className="mono">{new Date(Number(BigInt(trace.startTimeUnixNano) / 1000000n)).toLocaleTimeString()}</td>
                  <td>{trace.rootServiceName}</td>
                  <td>{trace.rootTraceName}</td>
                  <td className="num">{milliseconds(trace.durationMs)}</td>
                  <td className="mono">
                    <Link to={`/traces/${trace.traceID}`}>{trace.traceID.slice(0, 12)}…</Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

export function Traces() {
  const fallback = '{ status = error }';
  const range = useRange();
  const [parameters] = useSearchParams();
  return (
    <Page title="Traces" lead="TraceQL: one spanset of conditions" actions={<RangePicker range={range} />}>
      <QueryField label="TraceQL query" fallback={fallback} />
      <TraceTable query={parameters.get('q') ?? fallback} range={range} limit={50} />
    </Page>
  );
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

interface Span {
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  events: { timeUnixNano: string; name: string; attributes: Attribute[] }[];
  status: { code: string; message?: string };
}

interface Row {
  span: Span;
  service: string;
  depth: number;
  offset: number;
  duration: number;
}

function attributeText(attribute: Attribute): string {
  const value = Object.values(attribute.value)[0];
  return typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
}

/** Spans in the order of the tree, each below its parent. */
function layOut(batches: { resource: { attributes?: Attribute[] }; scopeSpans: { spans: Span[] }[] }[]): { rows: Row[]; total: number } {
  const all = batches.flatMap((batch) => {
    const service = batch.resource.attributes?.find((attribute) => attribute.key === 'service.name');
    return batch.scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ span, service: service ? attributeText(service) : 'unknown' })));
  });
  const start = all.reduce((least, { span }) => (BigInt(span.startTimeUnixNano) < least ? BigInt(span.startTimeUnixNano) : least), BigInt(all[0]?.span.startTimeUnixNano ?? 0));
  const ids = new Set(all.map(({ span }) => span.spanId));
  const children = new Map<string, typeof all>();
  for (const entry of all) {
    const parent = entry.span.parentSpanId && ids.has(entry.span.parentSpanId) ? entry.span.parentSpanId : '';
    children.set(parent, [...(children.get(parent) ?? []), entry]);
  }
  const rows: Row[] = [];
  const visit = (parent: string, depth: number) => {
    for (const { span, service } of (children.get(parent) ?? []).sort((a, b) => (BigInt(a.span.startTimeUnixNano) < BigInt(b.span.startTimeUnixNano) ? -1 : 1))) {
      const offset = Number(BigInt(span.startTimeUnixNano) - start) / 1e6;
      rows.push({ span, service, depth, offset, duration: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6 });
      visit(span.spanId, depth + 1);
    }
  };
  visit('', 0);
  return { rows, total: Math.max(0.001, ...rows.map((row) => row.offset + row.duration)) };
}

export function TracePage() {
  const { id = '' } = useParams();
  const { data, error } = useApi<{ batches: Parameters<typeof layOut>[0] }>(`/api/traces/${id}`, 0);
  const [open, setOpen] = useState<string | null>(null);
  const { rows, total } = layOut(data?.batches ?? []);
  return (
    <Page title={rows[0] ? `${rows[0].service}: ${rows[0].span.name}` : 'Trace'} lead={rows.length > 0 && `${rows.length} spans · ${milliseconds(total)} · ${id}`}>
      <Failure error={error} />
      <div className="waterfall">
        {rows.map(({ span, service, depth, offset, duration }) => (
          <div key={span.spanId} className={span.status.code === 'STATUS_CODE_ERROR' ? 'span error' : 'span'}>
            <button type="button" aria-expanded={open === span.spanId} onClick={() => setOpen(open === span.spanId ? null : span.spanId)}>
              <span className="name" style={{ paddingLeft: `${depth * 14}px` }}>
                <b>{service}</b> {span.name}
              </span>
              <span className="track">
                <i style={{ left: `${(offset / total) * 100}%`, width: `max(2px, ${(duration / total) * 100}%)` }} />
              </span>
              <span className="num">{milliseconds(duration)}</span>
            </button>
            {open === span.spanId && (
              <dl className="definition">
                {span.status.message && (
                  <>
                    <dt>status</dt>
                    <dd>{span.status.message}</dd>
                  </>
                )}
                {span.attributes.map((attribute) => (
                  <Pair key={attribute.key} name={attribute.key} value={attributeText(attribute)} />
                ))}
                {span.events.map((event) => (
                  <Pair key={event.timeUnixNano + event.name} name={`event ${event.name}`} value={event.attributes.map((attribute) => `${attribute.key}=${attributeText(attribute)}`).join(', ')} />
                ))}
              </dl>
            )}
          </div>
        ))}
      </div>
    </Page>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
