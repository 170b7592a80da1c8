import * as tf from '@tensorflow/tfjs-core';
import type { DatasetPass, PassView } from '../src/contract/plugin.js';
import { plugin } from './distillation.js';

/** What a walk saw, in order: `made teacher` for a cache that was filled, `run walk 4`, `use walk 4`. */
export const seen: string[] = [];

const float = (...values: number[]) => ({
  dtype: 'F32' as const,
  shape: [values.length],
  data: Float32Array.from(values),
});

export interface WalkOptions {
  readonly every?: DatasetPass['every'];
  /** Called with every batch. */
  readonly on?: (view: PassView, done: number) => void | Promise<void>;
  readonly indices?: readonly number[];
}

async function meanOf(
  view: PassView,
  role: 'teacher' | 'student',
  tap: PassView['student']['taps'][number],
  { on, indices }: WalkOptions,
): Promise<number> {
  let sum = 0;
  let done = 0;
  for await (const { batch, images } of view.batches(indices)) {
    // As a plugin that frees nothing itself.
    const mean = tf.tidy(() => tf.mean(view.forward(role, images, [tap]).taps[tap.name]!));
    sum += (await mean.data())[0]! * batch.ids.length;
    mean.dispose();
    done += batch.ids.length;
    view.progress(done, view.images.length);
    await on?.(view, done);
  }
  return sum / done;
}

/**
 * A distiller whose term hangs on its pass: the teacher's mean feature, which is cached, and the student's of the
 * moment.
 */
export const walk = (name = 'walk', options: WalkOptions = {}) =>
  plugin(name, (scope) => {
    let scale = NaN;
    const tap = scope.student.taps.find((one) => one.name.startsWith('neck@'))!;
    const taught = scope.teacher.taps.find((one) => one.name.startsWith('neck@'))!;
    return {
      featureTap: (taps: { of(role: string, pattern: string): unknown }) => void taps.of('student', 'neck@*'),
      datasetPass: {
        every: options.every ?? 1,
        run: async (view: PassView) => {
          seen.push(`run ${scope.id} ${view.step}`);
          const teacher = await view.cached('teacher', async () => {
            seen.push(`made ${scope.id}`);
            return new Map([
              [
                'mean',
                float(await meanOf(view, 'teacher', taught, { ...(options.indices && { indices: options.indices }) })),
              ],
            ]);
          });
          return new Map([
            [
              'means',
              float((teacher.get('mean')!.data as Float32Array)[0]!, await meanOf(view, 'student', tap, options)),
            ],
            ['draw', float(view.rng.uniform())],
          ]);
        },
        use: (result: ReadonlyMap<string, { readonly data: unknown }>) => {
          const [teacher, student] = result.get('means')!.data as Float32Array;
          scale = 1 + teacher! - student!;
          seen.push(`use ${scope.id}`);
        },
      },
      lossCompose: ({ student }: { student: { tap(name: string): tf.Tensor } }) => ({
        feat: tf.tidy(() => tf.mul(tf.mean(tf.square(student.tap(tap.name))), scale)) as tf.Scalar,
      }),
    };
  });
