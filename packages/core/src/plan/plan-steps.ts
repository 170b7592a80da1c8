import * as tf from '@tensorflow/tfjs-core';
import type { Measured, MeasuredStep, PlannedPass } from '../contract/plan.js';
import type { StepView } from '../contract/plugin.js';
import { isKdError, KdError } from '../errors.js';
import { peakMemory } from '#host/memory';
import { firstImages } from './first-images.js';
import type { Distiller } from '../plugins/plugin-host.js';
import type { Run } from '../run/run.js';
import type { RunSteps } from '../run/run-steps.js';

/** Shapes of taps in the first batch, [b, h, w, c] by name; of the teachers by their names. */
export interface TapShapes {
  readonly student: ReadonlyMap<string, readonly number[]>;
  readonly teachers: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;
}

/** Distillers without terms, one for each teacher that is learned from: they see in a step what the others see. */
export function shapeWatcher({ taps, distillers }: Pick<Run, 'taps' | 'distillers'>): {
  readonly shapes: TapShapes;
  readonly watchers: readonly Distiller[];
} {
  const student = new Map<string, readonly number[]>();
  const teachers = new Map<string, Map<string, readonly number[]>>();
  const names = [...new Set(distillers.map(({ teacher }) => teacher!))];
  const watchers = names.map((teacher): Distiller => {
    const shapes = new Map<string, readonly number[]>();
    teachers.set(teacher, shapes);
    const look = (step: StepView): void => {
      for (const name of taps.student) if (!student.has(name)) student.set(name, step.student.tap(name).shape);
      for (const name of taps.teachers.get(teacher) ?? [])
        if (!shapes.has(name)) shapes.set(name, step.teacher.tap(name).shape);
    };
    return {
      id: names.length === 1 ? 'plan' : `plan-${teacher}`,
      name: 'plan',
      options: {},
      teacher,
      hooks: { headForward: look },
      variables: [],
      call: (_, run) => run(),
      factor: () => 1,
      dispose: () => {},
    };
  });
  return { shapes: { student, teachers }, watchers };
}

export type MeasuredPasses = ReadonlyMap<string, NonNullable<PlannedPass['measured']>>;

/** Runs every pass once, over the first images of the training data. */
export async function measurePasses(
  run: Run,
  steps: RunSteps,
  {
    images,
    onPass,
  }: { readonly images: number; readonly onPass?: ((id: string, done: number, of: number) => void) | undefined },
): Promise<MeasuredPasses> {
  const measured = new Map<string, NonNullable<PlannedPass['measured']>>();
  const all = run.train.images.length;
  const dataset = images < all ? firstImages(run.train, images) : run.train;
  for (const distiller of run.distillers) {
    if (distiller.hooks.datasetPass === undefined) continue;
    const began = performance.now();
    try {
      const finished = await steps.passes(0, {
        dataset,
        distillers: [distiller],
        emit: async (event) => void (event.type === 'pass' && onPass?.(event.plugin, event.done, event.of)),
      });
      if (!finished) run.options.signal?.throwIfAborted();
    } catch (error) {
      if (!isKdError(error) || dataset === run.train) throw error;
      throw new KdError(
        error.code,
        `${error.message} (The pass of ${distiller.id} ran over the first ${images} of ${all} images only; let the plan pass over all ${all}.)`,
        { cause: error },
      );
    }
    measured.set(distiller.id, { images: dataset.images.length, seconds: (performance.now() - began) / 1000 });
  }
  return measured;
}

/** Runs the first steps of a run, as training would. */
export async function measureSteps(run: Run, steps: RunSteps, count: number): Promise<MeasuredStep[]> {
  const rows: MeasuredStep[] = [];
  for (let epoch = 0; rows.length < Math.min(count, steps.total); epoch++) {
    for await (const _ of steps.epoch(epoch)) {
      const { secondsPerStep: seconds, waited, terms, total, stats, lr } = (await steps.log.read(steps.imagesPerStep))!;
      const { numTensors: tensors, numBytes: bytes } = tf.memory();
      rows.push({ seconds, waited, batch: steps.lastShape, terms, total, stats, lr, tensors, bytes });
      run.options.signal?.throwIfAborted();
      if (rows.length >= count) break;
    }
  }
  return rows;
}

export const measuredRun = (steps: RunSteps, rows: readonly MeasuredStep[]): Measured => ({
  steps: rows,
  compiled: steps.compiled,
  peakMemory: peakMemory(),
  estimate: rows.at(-1)!.seconds * steps.total,
});
