import { stat } from 'node:fs/promises';
import type { CheckpointFormat, NamedTensors } from './contract/checkpoint.js';
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
  /** What a result depends on besides the plugin: teacher, seed, data. */
  readonly run: Readonly<Record<string, unknown>>;
}

/**
 * Runs the data set passes that are due before an epoch. After a resume, the result of the last due epoch is read from
 * the run folder instead.
 */
export async function runPasses(distillers: readonly Distiller[], epoch: number, resumed: boolean, context: PassContext): Promise<void> {
  for (const { id, name, options, hooks } of distillers) {
    const pass = hooks.datasetPass;
    if (pass === undefined) continue;
    const due = pass.every === 0 ? 0 : epoch - (epoch % pass.every);
    if (due !== epoch && !resumed) continue;
    const file = context.folder.file('passes', id, `epoch-${due}${context.format.extension}`);
    try {
      const madeFrom = JSON.stringify({ plugin: name, options, ...context.run });
      const known = await readKnown(file, madeFrom, context.format);
      if (known === null) await context.format.write(file, await pass.run(passView(epoch, context)), { kd: '1', plugin: id, madeFrom });
      pass.use(known ?? (await context.format.read(file)).tensors);
    } catch (cause) {
      if (cause instanceof KdError) throw cause;
      throw new KdError('PLUGIN_HOOK', `${id}.datasetPass threw before epoch ${epoch}: ${messageOf(cause)}`, { cause });
    }
  }
}

/** A result that is there already and was made from the same: a run that died before its first checkpoint leaves some. */
async function readKnown(file: string, madeFrom: string, format: CheckpointFormat): Promise<NamedTensors | null> {
  if (!(await stat(file).then(() => true, () => false))) return null;
  const { tensors, metadata } = await format.read(file);
  return metadata['madeFrom'] === madeFrom ? tensors : null;
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
