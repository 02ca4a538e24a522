import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  label: string;
  values: (number | null)[];
  color?: string;
  fill?: boolean;
}

const palette = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6', '--series-7', '--series-8'];

/** A time chart; times and marks in Unix seconds. */
export function Chart(props: { times: number[]; lines: Line[]; height?: number; format: (value: number) => string; level?: number; min?: number; marks?: number[] }) {
  const { times, lines, height = 180, format, level, min, marks } = props;
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const style = getComputedStyle(document.documentElement);
    const css = (name: string) => style.getPropertyValue(name).trim();
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { points: { size: 5 } },
        legend: { show: lines.length > 1 },
        scales: { y: { range: (_, low, high) => [Math.min(min ?? 0, low ?? 0), Math.max(high ?? 1, level ?? -Infinity) * 1.05 || 1] } },
        axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map(format) }],
        series: [
          {},
          ...lines.map((line, index) => {
            const color = line.color ? css(line.color) : css(palette[index % palette.length] ?? '--series-1');
            return { label: line.label, stroke: color, width: 1.6, fill: line.fill ? `${color}22` : undefined, points: { show: false }, spanGaps: false, value: (_: uPlot, value: number | null) => (value === null ? '–' : format(value)) };
          }),
        ],
        hooks: {
          draw: [
            (chart) => {
              if (level === undefined) return;
              const y = chart.valToPos(level, 'y', true);
              chart.ctx.save();
              chart.ctx.strokeStyle = css('--bad');
              chart.ctx.setLineDash([5, 4]);
              chart.ctx.beginPath();
              chart.ctx.moveTo(chart.bbox.left, y);
              chart.ctx.lineTo(chart.bbox.left + chart.bbox.width, y);
              chart.ctx.stroke();
              chart.ctx.restore();
            },
            (chart) => {
              chart.ctx.save();
              chart.ctx.strokeStyle = css('--warn');
              chart.ctx.setLineDash([2, 3]);
              for (const mark of marks ?? []) {
                const x = chart.valToPos(mark, 'x', true);
                if (x < chart.bbox.left || x > chart.bbox.left + chart.bbox.width) continue;
                chart.ctx.beginPath();
                chart.ctx.moveTo(x, chart.bbox.top);
                chart.ctx.lineTo(x, chart.bbox.top + chart.bbox.height);
                chart.ctx.stroke();
              }
              chart.ctx.restore();
            },
          ],
        },
      },
      [times, ...lines.map((line) => line.values)] as uPlot.AlignedData,
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, lines, height, format, level, min, marks]);
  return <div ref={host} className="chart" style={{ minHeight: height }} />;
}
