import { stat } from 'node:fs/promises';
import type { CheckpointFormat } from './contract/checkpoint.js';
import type { Dataset, LoaderOptions } from './contract/data.js';
import type { Detector } from './contract/detector.js';
import type { PassView } from './contract/plugin.js';
import { KdError, messageOf } from './errors.js';
import type { Distiller } from './plugin-host.js';
import type { RunFolder } from './run-folder.js';
import { deviceBatch } from './step.js';
import { disposeAll } from './tidy.js';

export interface PassContext {
  readonly student: Detector;
  readonly teacher: Detector;
  readonly dataset: Dataset;
  readonly loader: Pick<LoaderOptions, 'batchSize' | 'workers' | 'onBadImage'>;
  readonly folder: RunFolder;
  readonly format: CheckpointFormat;
}

/**
 * Runs the data set passes that are due before an epoch. After a resume, the result of the last due epoch is read from
 * the run folder instead.
 */
export async function runPasses(distillers: readonly Distiller[], epoch: number, resumed: boolean, context: PassContext): Promise<void> {
  for (const { id, hooks } of distillers) {
    const pass = hooks.datasetPass;
    if (pass === undefined) continue;
    const due = pass.every === 0 ? 0 : epoch - (epoch % pass.every);
    if (due !== epoch && !resumed) continue;
    const file = context.folder.file('passes', id, `epoch-${due}${context.format.extension}`);
    const known = await stat(file).then(() => true, () => false);
    try {
      if (!known) await context.format.write(file, await pass.run(passView(epoch, context)), { kd: '1', plugin: id });
      pass.use((await context.format.read(file)).tensors);
    } catch (cause) {
      if (cause instanceof KdError) throw cause;
      throw new KdError('PLUGIN_HOOK', `${id}.datasetPass threw before epoch ${epoch}: ${messageOf(cause)}`, { cause });
    }
  }
}

function passView(epoch: number, { student, teacher, dataset, loader: options }: PassContext): PassView {
  return {
    epoch,
    student,
    teacher,
    forward: (role, images, taps) => (role === 'student' ? student : teacher).forward(images, { training: false, taps: taps.map((tap) => tap.name) }),
    batches: async function* () {
      const loader = dataset.loader({ ...options, input: student.input, training: false, shuffle: false, dropLast: false, seed: 0, augment: [] });
      try {
        for await (const batch of loader.epoch(0)) {
          const onDevice = deviceBatch(batch);
          try {
            yield { batch, ...onDevice };
          } finally {
            disposeAll(onDevice);
          }
        }
      } finally {
        await loader.close();
      }
    },
  };
}
