import { useMemo } from 'react';
import { type Series, useApi } from '../api';
import { Chart } from '../Chart';
import type { Range } from '../range';
import { Failure } from '../ui';

/** A chart of a PromQL range query. */
export function QueryChart(props: { query: string; range: Range; format: (value: number) => string; legend: (labels: Record<string, string>) => string; height?: number }) {
  const { query, range, format, legend, height } = props;
  const step = Math.max(10, Math.ceil((range.end - range.start) / 240 / 10) * 10);
  const path = query ? `/api/v1/query_range?query=${encodeURIComponent(query)}&start=${range.start}&end=${range.end}&step=${step}` : null;
  const { data, error } = useApi<{ data: { result: Series[] } }>(path, 10);
  const chart = useMemo(() => {
    const times: number[] = [];
    for (let at = range.start; at <= range.end; at += step) times.push(at);
    const position = new Map(times.map((at, index) => [at, index]));
    const lines = (data?.data.result ?? []).slice(0, 20).map((series) => {
      const values: (number | null)[] = times.map(() => null);
      for (const [at, value] of series.values) {
        const index = position.get(at);
        if (index !== undefined && Number.isFinite(Number(value))) values[index] = Number(value);
      }
      return { label: legend(series.metric), values };
    });
    return { times, lines };
    // The legend is a plain function of the page.
  }, [data, range.start, range.end, step]);
  return (
    <>
      <Failure error={error} />
      {data && chart.lines.length === 0 ? <p className="empty">No data in this range.</p> : <Chart times={chart.times} lines={chart.lines} format={format} height={height} />}
    </>
  );
}

export function labelsText(labels: Record<string, string>): string {
  const { __name__: name = '', ...rest } = labels;
  return `${name}{${Object.entries(rest).map(([key, value]) => `${key}="${value}"`).join(', ')}}`;
}
