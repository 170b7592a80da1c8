import { hash, type HostTensor, KdError, type NamedTensors, type PassView, type Role, type TapPair } from '@kd/core';
import { cropPool } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Sample, SampledInstance } from './sampling.js';

/**
 * Features of the sampled instances, row by row: a matrix [n, c] for every level. Rows of images that could not be read
 * are NaN.
 */
export type InstanceFeatures = Readonly<Record<Role, readonly Float32Array[]>>;

export interface FeatureOptions {
  readonly pairs: readonly TapPair[];
  /** Keep the teacher's features in the run folder. */
  readonly cache: boolean;
  /** Images whose features are kept in one file: what an interrupted pass may lose. Default 128. */
  readonly chunkImages?: number;
}

/**
 * Pools the sampled instances from every level of both models, each image read once. The teacher's features are kept
 * chunk by chunk, so that an interrupted
 * pass goes on where it was, and a later one runs the student alone.
 */
export async function instanceFeatures(
  view: PassView,
  { images, instances }: Sample,
  { pairs, cache, chunkImages = 128 }: FeatureOptions,
): Promise<InstanceFeatures> {
  const matrices = (role: Role): Float32Array[] =>
    pairs.map((pair) => new Float32Array(instances.length * pair[role].channels));
  const features = { student: matrices('student'), teacher: matrices('teacher') };
  let row = 0;
  for (let from = 0; from < images.length; from += chunkImages) {
    const chunk = chunkOf(images.slice(from, from + chunkImages), instances, row);
    const made = await chunkFeatures(view, chunk, { pairs, cache }, (done) =>
      view.progress(from + done, images.length),
    );
    for (const role of ['student', 'teacher'] as const)
      made[role].forEach((matrix, level) => features[role][level]!.set(matrix, row * pairs[level]![role].channels));
    row += chunk.instances.length;
    view.progress(Math.min(from + chunkImages, images.length), images.length);
  }
  return features;
}

interface Chunk {
  readonly images: readonly number[];
  readonly instances: readonly SampledInstance[];
}

/** The images and their instances, which stand one after the other from row `first`. */
function chunkOf(images: readonly number[], instances: readonly SampledInstance[], first: number): Chunk {
  const last = images.at(-1)!;
  let end = first;
  while (end < instances.length && instances[end]!.image <= last) end++;
  return { images, instances: instances.slice(first, end) };
}

async function chunkFeatures(
  view: PassView,
  chunk: Chunk,
  { pairs, cache }: Pick<FeatureOptions, 'pairs' | 'cache'>,
  progress: (done: number) => void,
): Promise<InstanceFeatures> {
  let student: readonly Float32Array[] | undefined;
  const make = async (): Promise<NamedTensors> => {
    const both = await pooled(view, chunk, pairs, ['student', 'teacher'], progress);
    student = both.student;
    return new Map(
      both.teacher!.map((data, level): [string, HostTensor] => [
        `level${level}`,
        { dtype: 'F32', shape: [chunk.instances.length, pairs[level]!.teacher.channels], data },
      ]),
    );
  };
  const name = `teacher-${(hash(JSON.stringify(chunk)) >>> 0).toString(16).padStart(8, '0')}`;
  const stored = cache ? await view.cached(name, make) : await make();
  const teacher = pairs.map(({ teacher: { channels } }, level): Float32Array => {
    const data = stored.get(`level${level}`)?.data;
    if (data instanceof Float32Array && data.length === chunk.instances.length * channels) return data;
    throw new KdError(
      'CHECKPOINT_INVALID',
      `the teacher's features in cache/${name} are not those of ${chunk.instances.length} instances with ${channels} channels. Delete the plugin's folder under passes/ in the run folder.`,
    );
  });
  return { teacher, student: student ?? (await pooled(view, chunk, pairs, ['student'], progress)).student! };
}

/** Runs models over the images of a chunk and pools its instances. */
async function pooled(
  view: PassView,
  { images, instances }: Chunk,
  pairs: readonly TapPair[],
  roles: readonly Role[],
  progress: (done: number) => void,
): Promise<Partial<Record<Role, Float32Array[]>>> {
  const out = Object.fromEntries(
    roles.map((role) => [
      role,
      pairs.map((pair) => new Float32Array(instances.length * pair[role].channels).fill(NaN)),
    ]),
  ) as Partial<Record<Role, Float32Array[]>>;
  const rowsOf = new Map<number | string, number[]>(images.map((image) => [view.images[image]!.id, []]));
  instances.forEach(({ image }, row) => rowsOf.get(view.images[image]!.id)!.push(row));
  let done = 0;
  for await (const { batch, images: pixels } of view.batches(images, { roles })) {
    const wanted = batch.ids.map((id) => rowsOf.get(id)!);
    const most = Math.max(...wanted.map((rows) => rows.length));
    const boxes = new Float32Array(wanted.length * most * 4);
    wanted.forEach((rows, b) =>
      rows.forEach((row, i) => {
        const at = (b * batch.maxBoxes + instances[row]!.row) * 4;
        boxes.set(batch.boxes.subarray(at, at + 4), (b * most + i) * 4);
      }),
    );
    for (const role of roles) {
      const { taps } = view.forward(
        role,
        pixels,
        pairs.map((pair) => pair[role]),
      );
      for (const [level, pair] of pairs.entries()) {
        const means = tf.tidy(() =>
          cropPool(taps[pair[role].name]!, tf.tensor3d(boxes, [wanted.length, most, 4]), {
            input: [batch.shape[1], batch.shape[2]],
          }),
        ); // [b, most, c]
        const values = (await means.data()) as Float32Array;
        means.dispose();
        const { channels } = pair[role];
        wanted.forEach((rows, b) =>
          rows.forEach((row, i) =>
            out[role]![level]!.set(
              values.subarray((b * most + i) * channels, (b * most + i + 1) * channels),
              row * channels,
            ),
          ),
        );
      }
    }
    done += batch.ids.length;
    progress(done);
  }
  return out;
}
