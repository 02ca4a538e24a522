// The time range of a page lives in its address as Perses writes it: `start=1h`, or `start` and `end` in Unix milliseconds.
import { useEffect, useMemo, useState } from 'react';
import { useSearchParams } from 'react-router-dom';

export const ranges: Record<string, number> = { '15m': 900, '1h': 3600, '6h': 21600, '1d': 86400, '7d': 604800, '30d': 2592000 };

export interface Range {
  name: string | null;
  start: number;
  end: number;
  set(name: string): void;
}

/** The page's time range in Unix seconds; a relative one ends now and moves on every 10 seconds. */
export function useRange(fallback = '1h'): Range {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((last) => last + 1), 10_000);
    return () => clearInterval(timer);
  }, []);
  const [parameters, setParameters] = useSearchParams();
  const start = parameters.get('start');
  const end = parameters.get('end');
  return useMemo(() => {
    const set = (chosen: string) =>
      setParameters((current) => {
        current.set('start', chosen);
        current.delete('end');
        return current;
      });
    if (start && end && !ranges[start]) {
      return { name: null, start: Number(start) / 1000, end: Number(end) / 1000, set };
    }
    const chosen = start && ranges[start] ? start : fallback;
    const now = Math.floor(Date.now() / 10_000) * 10;
    return { name: chosen, start: now - (ranges[chosen] ?? 3600), end: now, set };
    // The tick makes a relative range move on.
  }, [start, end, fallback, setParameters, tick]);
}
