import type { ReactNode } from 'react';
import { type Range, ranges } from './range';
import { number, percent } from './format';

export function Page(props: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode; wide?: boolean }) {
  document.title = `${props.title} · SloEngine`;
  return (
    <main className={props.wide ? 'full' : undefined}>
      <header className="page-head">
        <div>
          <h1>{props.title}</h1>
          {props.lead && <p className="lead">{props.lead}</p>}
        </div>
        <div className="actions">{props.actions}</div>
      </header>
      {props.children}
    </main>
  );
}

export function Panel(props: { title: string; note?: ReactNode; children: ReactNode; wide?: boolean }) {
  return (
    <section className={props.wide ? 'panel wide' : 'panel'}>
      <h2>
        {props.title} {props.note && <small>{props.note}</small>}
      </h2>
      {props.children}
    </section>
  );
}

export function RangePicker({ range }: { range: Range }) {
  return (
    <div className="segmented" role="group" aria-label="Time range">
      {Object.keys(ranges).map((name) => (
        <button key={name} type="button" aria-pressed={range.name === name} onClick={() => range.set(name)}>
          {name}
        </button>
      ))}
    </div>
  );
}

const words: Record<string, string> = { ok: 'OK', warning: 'Warning', burning: 'Burning', exhausted: 'Exhausted', no_data: 'No data', firing: 'Firing', pending: 'Pending', resolved: 'Resolved', inactive: 'Inactive' };

export function Status({ value }: { value: string }) {
  return <span className={`status ${value}`}>{words[value] ?? value}</span>;
}

/** The share of the budget that is left, as a bar with its figure. */
export function BudgetBar({ remaining, label }: { remaining: number; label: string }) {
  const level = remaining <= 0 ? 'bad' : remaining < 0.25 ? 'warn' : 'good';
  return (
    <div className="budget">
      <div className="bar" role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(Math.max(0, Math.min(1, remaining)) * 100)}>
        <i className={level} style={{ width: `${Math.max(0, Math.min(1, remaining)) * 100}%` }} />
      </div>
      <span>{remaining < -1 ? `spent ${number(1 - remaining, 0)}×` : percent(remaining, 1)}</span>
    </div>
  );
}

export function Failure({ error }: { error?: string }) {
  return error ? (
    <p className="failure" role="alert">
      {error}
    </p>
  ) : null;
}
