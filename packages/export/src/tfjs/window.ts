import type { Pads } from '../network/graph.js';

export type Size = readonly [height: number, width: number];

export interface Window {
  readonly size: Size;
  readonly strides: Size;
  readonly dilations: Size;
}

/**
 * The word of TensorFlow for the cells around a map that a sliding window reads, null where it has none, and how many
 * windows there are. Its native library knows no numbers of cells.
 */
export function windowPlaces(
  map: Size,
  pads: Pads,
  { size, strides, dilations }: Window,
): { readonly padding: 'same' | 'valid' | null; readonly size: Size } {
  const axes = [0, 1] as const;
  const reach = axes.map((axis) => (size[axis] - 1) * dilations[axis] + 1);
  const usual = (axis: 0 | 1): Size => {
    const out = Math.ceil(map[axis] / strides[axis]);
    const all = Math.max((out - 1) * strides[axis] + reach[axis]! - map[axis], 0);
    return [Math.floor(all / 2), Math.ceil(all / 2)];
  };
  const ends = (axis: 0 | 1): Size => (pads === 'same' ? usual(axis) : [pads[axis], pads[axis + 2]!]);
  const out = axes.map((axis) => {
    const [low, high] = ends(axis);
    return Math.floor((map[axis] + low + high - reach[axis]!) / strides[axis]) + 1;
  }) as [number, number];
  if (axes.every((axis) => ends(axis).every((side) => side === 0))) return { padding: 'valid', size: out };
  return { padding: axes.every((axis) => ends(axis).join() === usual(axis).join()) ? 'same' : null, size: out };
}
