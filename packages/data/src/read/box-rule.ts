import type { Correction } from './correction.js';

/** [x1, y1, x2, y2] in pixels, 0-based and continuous. */
export type Box = readonly [number, number, number, number];

export interface Corrected {
  /** null: the box is dropped. */
  readonly box: Box | null;
  /** Absent where the box was taken as it stood. */
  readonly why?: string;
}

/** Drops boxes without area or wholly outside of the image, clips what overhangs. */
export function correctBox(box: Box, width: number, height: number): Corrected {
  const [x1, y1, x2, y2] = box;
  const told = (): string => `[${box.map(short).join(', ')}] (x1, y1, x2, y2)`;
  if (x2 <= x1 || y2 <= y1) return { box: null, why: `the box ${told()} has no area` };
  if (x1 >= width || y1 >= height || x2 <= 0 || y2 <= 0)
    return { box: null, why: `the box ${told()} lies outside of the image of ${width}x${height}` };
  if (x1 >= 0 && y1 >= 0 && x2 <= width && y2 <= height) return { box };
  return {
    box: [Math.max(x1, 0), Math.max(y1, 0), Math.min(x2, width), Math.min(y2, height)],
    why: `the box ${told()} overhangs the image of ${width}x${height}`,
  };
}

/** The box to go on with; what was put right is told. */
export function noted(
  report: Correction[],
  at: { readonly file: string; readonly annotation: number },
  what: string,
  { box, why }: Corrected,
): Box | null {
  if (why !== undefined) report.push({ ...at, action: box === null ? 'dropped' : 'clipped', why: `${what}: ${why}` });
  return box;
}

export const areaOf = ([x1, y1, x2, y2]: Box): number => (x2 - x1) * (y2 - y1);

/** A number for a message: without the digits that binary fractions add. */
export const short = (value: number): string => String(Number(value.toPrecision(10)));

/** A sum or a product of decimal fractions without the last binary digits that it brings in. */
export function cleaned(value: number): number {
  if (Number.isInteger(value)) return value;
  // As `short`, without a text: that would be a good part of the time over millions of boxes.
  let scale = 1e9;
  for (let bound = 10; value >= bound; bound *= 10) scale /= 10;
  const scaled = value * scale;
  const whole = Math.round(scaled);
  return value >= 1 && scale >= 1e5 && Math.abs(scaled - whole) < 0.4 ? whole / scale : Number(short(value));
}
