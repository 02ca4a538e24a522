// Figures as people read them.

/** 0.9994 as 99.94 %; never rounds a miss up to 100. */
export function percent(ratio: number | null | undefined, digits = 2): string {
  if (ratio === null || ratio === undefined) return '–';
  const scale = 10 ** digits;
  const rounded = ratio < 1 ? Math.floor(ratio * 100 * scale) / scale : Math.round(ratio * 100 * scale) / scale;
  return `${rounded.toFixed(digits).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')} %`;
}

export function number(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : digits });
}

export function burn(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${number(value, value < 10 ? 2 : 1)}×`;
}

/** 5400 as 1.5 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  for (const [unit, size] of [['d', 86400], ['h', 3600], ['min', 60]] as const) {
    if (seconds >= 2 * size) return `${number(seconds / size)} ${unit}`;
  }
  return `${number(seconds)} s`;
}

export function milliseconds(value: number): string {
  return value >= 1000 ? `${number(value / 1000, 2)} s` : `${number(value, value < 10 ? 2 : 0)} ms`;
}

export function time(iso: string | null | undefined): string {
  return iso ? new Date(iso).toLocaleString(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }) : '–';
}
