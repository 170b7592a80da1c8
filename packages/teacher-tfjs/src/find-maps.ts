import { matchTaps, type TapInfo, type TapsOption, type TeacherInput } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Network } from './network.js';

/** Names that the option may mean: all, where it says nothing, or names something that is not there. */
export function candidates(names: readonly string[], taps: TapsOption): readonly string[] {
  if (taps === undefined) return names;
  const all = names.map((name): TapInfo => ({ name, stride: 1, channels: 1 }));
  const matched = Object.values(taps).map((pattern) => matchTaps(all, pattern).map(({ name }) => name));
  if (matched.some((list) => list.length === 0)) return names;
  const wanted = new Set(matched.flat());
  return names.filter((name) => wanted.has(name));
}

/** A map with its cells. */
export interface FoundMap extends TapInfo {
  readonly height: number;
  readonly width: number;
}

/** [height, width] of an image by a rule. */
export function sizeToTry({ fixedSize, minSize, sizeDivisible }: TeacherInput): readonly [number, number] {
  const side = minSize.at(-1)!;
  const [height, width] = fixedSize ?? [side, side];
  const padded = (pixels: number): number => Math.ceil(pixels / sizeDivisible) * sizeDivisible;
  return [padded(height), padded(width)];
}

/** Runs one grey image through, and keeps what comes out as a map [1, h, w, c] of a stride. */
export async function mapsOf(
  network: Network,
  names: readonly string[],
  {
    size: [height, width],
    layout,
  }: { readonly size: readonly [number, number]; readonly layout?: TeacherInput['layout'] },
): Promise<FoundMap[]> {
  if (names.length === 0) return [];
  const images = tf.zeros(layout === 'nchw' ? [1, 3, height, width] : [1, height, width, 3]);
  try {
    const outputs = await network.run(images, names);
    const shapes = outputs.map(({ shape, dtype }) => (dtype === 'float32' && shape.length === 4 ? shape : null));
    tf.dispose(outputs);
    return names.flatMap((name, i): FoundMap[] => {
      const [b, ...rest] = shapes[i] ?? [0];
      if (b !== 1) return [];
      const [h, w, c] = (layout === 'nchw' ? [rest[1], rest[2], rest[0]] : rest) as [number, number, number];
      const stride = strideOf(height, width, h, w);
      return h * w <= 1 || stride === null ? [] : [{ name, stride, channels: c, height: h, width: w }];
    });
  } finally {
    images.dispose();
  }
}

/** Pixels per cell: a power of 2 where one fits, as networks round sizes; null where sides do not agree. */
function strideOf(height: number, width: number, h: number, w: number): number | null {
  const fits = (stride: number): boolean =>
    stride >= 1 && Math.abs(h - height / stride) <= 1 && Math.abs(w - width / stride) <= 1;
  const ratio = Math.sqrt((height / h) * (width / w));
  return [2 ** Math.round(Math.log2(ratio)), Math.round(ratio), ratio].find(fits) ?? null;
}
