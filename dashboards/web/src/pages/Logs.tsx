import { type FormEvent, useState } from 'react';
import { Link, useSearchParams } from 'react-router-dom';
import { type LogStream, useApi } from '../api';
import { type Range, useRange } from '../range';
import { Failure, Page, RangePicker } from '../ui';

export function LogTable({ query, range, limit }: { query: string; range: Range; limit: number }) {
  const path = `/loki/api/v1/query_range?query=${encodeURIComponent(query)}&start=${range.start}&end=${range.end}&limit=${limit}`;
  const { data, error } = useApi<{ data: { result: LogStream[] } }>(path, 10);
  const lines = (data?.data.result ?? [])
    .flatMap((stream) => stream.values.map(([at, line]) => ({ at, line, stream: stream.stream })))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
  return (
    <>
      <Failure error={error} />
      {data && lines.length === 0 && <p className="empty">No log lines in this range.</p>}
      {lines.length > 0 && (
        <div className="scroll logs">
          <table>
            <tbody>
              {lines.map(({ at, line, stream }, index) => (
                <tr key={at + index}>
                  <td className="mono">{new Date(Number(BigInt(at) / 1000000n)).toISOString().slice(11, 23)}</td>
                  <td>
                    <span className={`level ${stream.detected_level}`}>{stream.level}</span>
                  </td>
                  <td>{stream.service_name}</td>
                  <td className="line">{line}</td>
                  <td>{stream.trace_id && <Link to={`/traces/${stream.trace_id}`}>trace</Link>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** A query field whose text lives in the address. */
export function QueryField({ label, fallback }: { label: string; fallback: string }) {
  const [parameters, setParameters] = useSearchParams();
  const given = parameters.get('q') ?? fallback;
  const [text, setText] = useState(given);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setParameters((current) => {
      current.set('q', text);
      return current;
    });
  };
  return (
    <form className="query" onSubmit={submit}>
      <input aria-label={label} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit">Run</button>
    </form>
  );
}

export function Logs() {
  const fallback = '{level=~".+"}';
  const range = useRange();
  const [parameters] = useSearchParams();
  return (
    <Page title="Logs" lead="LogQL: a stream selector and line filters" actions={<RangePicker range={range} />}>
      <QueryField label="LogQL query" fallback={fallback} />
      <LogTable query={parameters.get('q') ?? fallback} range={range} limit={300} />
    </Page>
  );
}
