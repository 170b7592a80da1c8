import type { HostBatch } from '../contract/data.js';
import type * as tf from '@tensorflow/tfjs-core';
import type { DetectorOutput, Predictions } from '../contract/detector.js';
import type { PassBatch, PassView, Role } from '../contract/plugin.js';
import { imageBatches } from './pass-batches.js';
import { passCache } from './pass-cache.js';
import type { PassContext, PassMoment } from './pass-context.js';
import { aheadOf } from '../run/ahead.js';
import type { Distiller } from '../plugins/plugin-host.js';
import { deviceBatch } from '../step/step.js';
import { disposeAll } from '../tidy.js';
import { createPassForward } from './pass-forward.js';

/** The view of one pass of one plugin, and what ends it. */
export interface OpenPass {
  readonly view: PassView;
  /** Frees what is left on the device and waits until the listeners have heard everything. */
  close(): Promise<void>;
}

export function openPass(
  distiller: Pick<Distiller, 'id' | 'name' | 'options'>,
  { step, epoch }: PassMoment,
  context: PassContext,
): OpenPass {
  const { student, teacher, dataset, signal, forwards = (one) => createPassForward(one, context) } = context;
  const skipped = new Map<string, string>();
  const iterators: AsyncGenerator<PassBatch, void, undefined>[] = [];
  let outputs: (DetectorOutput | Predictions)[] = [];
  /** Images of batches that are full: others are the last of some images, and of a size of their own. */
  const full = new WeakSet<tf.Tensor4D>();
  let told = Promise.resolve();
  const freeOutputs = (): void => {
    disposeAll(outputs);
    outputs = [];
  };
  const view: PassView = {
    epoch,
    step,
    student,
    teacher,
    categories: dataset.categories,
    images: dataset.images,
    forward: (role: Role, images, taps) => {
      const output = forwards(role === 'student' ? student : teacher).run(
        images,
        taps.map((tap) => tap.name),
        full.has(images),
        (predictions) => outputs.push(predictions),
      );
      outputs.push(output);
      return output;
    },
    batches: (indices, options = {}) => {
      const { input = student.input, batchSize = context.loader.batchSize, roles = ['student', 'teacher'] } = options;
      const ahead = aheadOf(roles.includes('teacher') ? [teacher] : [], input, dataset.name);
      const { extraInputs } = ahead;
      const wanted = ahead.some ? [{ detector: teacher, taps: context.teacherTaps ?? [] }] : [];
      const batches = imageBatches(
        dataset,
        { ...context.loader, input, batchSize, ...(extraInputs && { extraInputs }) },
        indices,
        signal,
        (list) => {
          for (const one of list) skipped.set(one.file, one.why);
        },
      );
      const iterator = onDevice(
        ahead.follow(batches, () => wanted),
        async (batch) => (ahead.some ? ahead.run(batch, wanted) : undefined),
        freeOutputs,
        ({ images }) => void (images.shape[0] === batchSize && full.add(images)),
      );
      iterators.push(iterator);
      return iterator;
    },
    cached: passCache(distiller, context),
    rng: context.rng.stream('plugin', distiller.id, 'pass'),
    progress: (done, of) =>
      void (told = told.then(() => context.emit?.({ type: 'pass', plugin: distiller.id, done, of }))),
    ...(signal && { signal }),
  };
  return {
    view,
    close: async () => {
      // A plugin that holds an iterator by hand may not have ended it.
      for (const iterator of iterators) await iterator.return();
      freeOutputs();
      await told;
      if (skipped.size > 0) context.logger.warn(leftOut(distiller.id, skipped, dataset.images.length));
    },
  };
}

/** Files that the warning names. */
const NAMED = 5;

function leftOut(id: string, skipped: ReadonlyMap<string, string>, of: number): string {
  const named = [...skipped].slice(0, NAMED).map(([file, why]) => `${file} (${why})`);
  return `${id}: its data set pass left ${skipped.size} of ${of} images out, which could not be read: ${named.join(', ')}${skipped.size > NAMED ? ', …' : ''}`;
}

async function* onDevice(
  batches: AsyncIterable<HostBatch>,
  before: (batch: HostBatch) => Promise<(() => void) | undefined>,
  after: () => void,
  made: (tensors: ReturnType<typeof deviceBatch>) => void,
): AsyncGenerator<PassBatch, void, undefined> {
  for await (const batch of batches) {
    const free = await before(batch);
    const tensors = deviceBatch(batch);
    made(tensors);
    try {
      yield { batch, ...tensors };
    } finally {
      disposeAll(tensors);
      after();
      free?.();
    }
  }
}
