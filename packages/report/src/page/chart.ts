import { LineChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { type Html, html, raw } from './html.js';

use([LineChart, GridComponent, SVGRenderer]);

export interface Line {
  /** Of the palette. */
  readonly colour: number;
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Marks each point: few of them. */
  readonly dots?: boolean;
  /** Lowest and highest value of an axis; default: those of the points. */
  readonly x?: readonly [number, number];
  readonly y?: readonly [number, number];
}

/** Small enough that letters stay readable on a telephone; a page puts as many beside each other as fit. */
const WIDTH = 360;
const HEIGHT = 200;

/** How many colours the style has. */
export const COLOURS = 8;

export const colour = (index: number): string => `var(--c${index % COLOURS})`;

/** Lines as SVG with colours of the page's style, and a caption. */
export function chart({ title, lines, dots = false, x, y = rangeOfZeros(lines) }: ChartOptions): Html {
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    drawing.setOption({
      animation: false,
      // Letters of a browser are wider than the library guesses: a label like 0.0015 would be cut.
      grid: { left: 14, right: 14, top: 10, bottom: 4, outerBounds: { left: 8, right: 0, top: 0, bottom: 0 } },
      xAxis: { ...axis(x), splitLine: { show: false }, splitNumber: 5 },
      yAxis: { ...axis(y), axisLine: { show: false }, splitNumber: y === undefined ? 4 : 5 },
      series: lines.map((line) => ({
        type: 'line',
        data: line.points,
        sampling: 'average',
        showSymbol: dots,
        symbol: 'circle',
        symbolSize: 5,
        color: colour(line.colour),
        lineStyle: { width: 1.6, color: colour(line.colour) },
      })),
    });
    // Rules for a pointer, of which a drawing that does not move has no use.
    const svg = drawing
      .renderToSVGString({ useViewBox: true })
      .replace(/<style[\s\S]*?<\/style>/g, '')
      .replace(/ (?:pointer-events|xmlns:xlink|version|baseProfile|class)="[^"]*"/g, '')
      .replace('<svg width="360" height="200"', '<svg aria-hidden="true"');
    return html`<figure class="chart"><figcaption>${title}</figcaption>${raw(svg)}</figure>`;
  } finally {
    // Without it the process never ends.
    drawing.dispose();
  }
}

/** Of nothing but zeros the library makes an axis up to 1.2. */
const rangeOfZeros = (lines: readonly Line[]): readonly [number, number] | undefined =>
  lines.every(({ points }) => points.every(([, y]) => y === null || y === 0)) ? [0, 1] : undefined;

const axis = (range: readonly [number, number] | undefined) => ({
  type: 'value' as const,
  scale: true,
  ...(range && { min: range[0], max: range[1] }),
  axisLine: { lineStyle: { color: 'var(--line)' } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: 'var(--line)' } },
  axisLabel: { color: 'var(--dim)', fontSize: 11, hideOverlap: true, formatter: short },
});

/** 0.0003 as `3e-4`, which has room beside a small drawing. */
const short = (value: number): string => {
  const round = Number(value.toPrecision(4));
  return round !== 0 && Math.abs(round) < 1e-3 ? round.toExponential() : String(round);
};
