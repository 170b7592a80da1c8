import { disposeAll, type TapInfo, tidy } from '@kd/core';
import type { FeatureMaps, OrWhy } from '@kd/report/page';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import type { ShownModel } from './models.js';
import type { ShownImage } from './side-by-side.js';

/** Images, and levels of each, finest first. */
const IMAGES = 2;
const LEVELS = 3;

interface Strength {
  readonly values: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** How strongly both models answer where their maps have one stride, else where they are nearest to it. */
export async function featureMapsOf(
  run: string,
  shown: readonly ShownImage[],
  { teacher, student }: { readonly teacher: ShownModel; readonly student: ShownModel },
): Promise<OrWhy<FeatureMaps>> {
  const pairs = pairsOf(student.taps, teacher.taps).slice(0, LEVELS);
  if (pairs.length === 0) return { why: `${run} and its ${teacher.name} have no maps to compare.` };
  const images: FeatureMaps['images'][number][] = [];
  for (const one of shown.slice(0, IMAGES)) {
    const [ofStudent, ofTeacher] = [
      await strengths(
        student,
        one,
        pairs.map((pair) => pair.student),
      ),
      await strengths(
        teacher,
        one,
        pairs.map((pair) => pair.teacher),
      ),
    ];
    const levels = await Promise.all(
      pairs.map(async (pair, i) => {
        const [a, b] = [ofTeacher[i]!, ofStudent[i]!];
        // Of inputs of two sizes the maps are, too.
        const same = a.height === b.height && a.width === b.width ? b : resized(b, a);
        const [first, second] = [standard(a.values), standard(same.values)];
        return {
          tap: pair.student.name,
          stride: pair.student.stride,
          ...(pair.teacher.name !== pair.student.name && { teacherTap: pair.teacher.name }),
          teacher: await png(a),
          student: await png(b),
          difference: await png({ ...a, values: first.map((value, cell) => Math.abs(value - second[cell]!)) }),
          correlation: first.reduce((sum, value, cell) => sum + value * second[cell]!, 0) / first.length,
        };
      }),
    );
    images.push({ name: one.record.file, picture: one.picture, levels });
  }
  return { value: { run, teacher: teacher.name, images } };
}

interface Pair {
  readonly student: TapInfo;
  readonly teacher: TapInfo;
}

/** Levels of one stride, finest first; where there are none, each map of the teacher with the nearest level. */
export function pairsOf(student: readonly TapInfo[], teacher: readonly TapInfo[]): Pair[] {
  const byStride = (taps: readonly TapInfo[]): TapInfo[] => [...taps].sort((a, b) => a.stride - b.stride);
  const [own, others] = [byStride(student), byStride(teacher)];
  const same = own.flatMap((level) => {
    const map = others.find(({ stride }) => stride === level.stride);
    return map === undefined ? [] : [{ student: level, teacher: map }];
  });
  if (same.length > 0 || own.length === 0) return same;
  const distance = (a: TapInfo, b: TapInfo): number => Math.abs(Math.log2(a.stride / b.stride));
  return others.map((map) => ({
    student: own.reduce((best, level) => (distance(level, map) < distance(best, map) ? level : best)),
    teacher: map,
  }));
}

/** The mean absolute value over the channels, of the cells that lie on the image. */
async function strengths(model: ShownModel, { image }: ShownImage, taps: readonly TapInfo[]): Promise<Strength[]> {
  const { maps, size } = await model.maps(image, [...new Set(taps.map(({ name }) => name))]);
  const [height, width] = size;
  try {
    return await Promise.all(
      taps.map(async ({ name, stride }) => {
        const map = maps[name]!;
        const [h, w] = [
          Math.min(map.shape[1], Math.ceil(height / stride)),
          Math.min(map.shape[2], Math.ceil(width / stride)),
        ];
        const mean = tidy(() => tf.mean(tf.abs(tf.slice(map, [0, 0, 0, 0], [1, h, w, map.shape[3]])), 3));
        try {
          return { values: (await mean.data()) as Float32Array, height: h, width: w };
        } finally {
          mean.dispose();
        }
      }),
    );
  } finally {
    disposeAll(Object.values(maps));
  }
}

/** The nearest cell. */
function resized({ values, height, width }: Strength, to: Strength): Strength {
  const cell = (at: number, from: number, all: number): number =>
    Math.min(from - 1, Math.floor(((at + 0.5) * from) / all));
  return {
    ...to,
    values: Float32Array.from(
      to.values,
      (_, i) =>
        values[cell(Math.floor(i / to.width), height, to.height) * width + cell(i % to.width, width, to.width)]!,
    ),
  };
}

/** Mean 0 and deviation 1; a map that is the same everywhere is 0. */
function standard(values: Float32Array): Float32Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}

/** Dark blue over violet and orange to a light yellow: lightness grows evenly. */
const COLOURS = [
  [8, 8, 40],
  [75, 20, 110],
  [165, 45, 105],
  [235, 100, 60],
  [250, 175, 60],
  [252, 252, 200],
] as const;

async function png({ values, height, width }: Strength): Promise<string> {
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const pixels = new Uint8Array(3 * values.length);
  values.forEach((value, cell) => {
    const place = high > low ? ((value - low) / (high - low)) * (COLOURS.length - 1) : 0;
    const from = Math.min(COLOURS.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c++)
      pixels[3 * cell + c] = COLOURS[from]![c]! + (place - from) * (COLOURS[from + 1]![c]! - COLOURS[from]![c]!);
  });
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ palette: true })
    .toBuffer();
  return `data:image/png;base64,${bytes.toString('base64')}`;
}
