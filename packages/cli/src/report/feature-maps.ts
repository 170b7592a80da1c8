import { type Detector, disposeAll, matchTaps, type TapInfo, tidy } from '@kd/core';
import { inputTransform } from '@kd/data';
import type { FeatureMaps, OrWhy } from '@kd/report/page';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import type { ShownImage } from './side-by-side.js';

/** Images, and levels of each, finest first. */
const IMAGES = 2;
const LEVELS = 3;

interface Strength {
  readonly values: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** How strongly both models answer on levels of their necks that have one stride. */
export async function featureMapsOf(
  run: string,
  shown: readonly ShownImage[],
  models: { readonly teacher: Detector; readonly student: Detector },
): Promise<OrWhy<FeatureMaps>> {
  const pairs = matchTaps(models.student.taps, 'neck@*')
    .flatMap((student) => {
      const teacher = matchTaps(models.teacher.taps, 'neck@*').find(({ stride }) => stride === student.stride);
      return teacher === undefined ? [] : [{ student, teacher }];
    })
    .slice(0, LEVELS);
  if (pairs.length === 0) return { why: `The necks of ${run} and its teacher have no level of one stride.` };
  const images: FeatureMaps['images'][number][] = [];
  for (const one of shown.slice(0, IMAGES)) {
    const student = await strengths(
      models.student,
      one,
      pairs.map((pair) => pair.student),
    );
    const teacher = await strengths(
      models.teacher,
      one,
      pairs.map((pair) => pair.teacher),
    );
    const levels = await Promise.all(
      pairs.map(async ({ student: { name: tap, stride } }, i) => {
        const [a, b] = [teacher[i]!, student[i]!];
        // Of inputs of two sizes the maps are, too.
        const same = a.height === b.height && a.width === b.width ? b : resized(b, a);
        const [first, second] = [standard(a.values), standard(same.values)];
        return {
          tap,
          stride,
          teacher: await png(a),
          student: await png(b),
          difference: await png({ ...a, values: first.map((value, cell) => Math.abs(value - second[cell]!)) }),
          correlation: first.reduce((sum, value, cell) => sum + value * second[cell]!, 0) / first.length,
        };
      }),
    );
    images.push({ name: one.record.file, picture: one.picture, levels });
  }
  return { value: { run, images } };
}

/** The mean absolute value over the channels, of the cells that lie on the image. */
async function strengths(detector: Detector, { image }: ShownImage, taps: readonly TapInfo[]): Promise<Strength[]> {
  const batch = inputTransform([{ image, id: 0 }], detector.input);
  const [height, width] = batch.imageSizes[0]!;
  const input = tf.tensor4d(batch.images, [...batch.shape]);
  const output = tidy(() => detector.forward(input, { training: false, taps: taps.map(({ name }) => name) }));
  try {
    return await Promise.all(
      taps.map(async ({ name, stride }) => {
        const map = output.taps[name]!;
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
    disposeAll([input, output]);
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
