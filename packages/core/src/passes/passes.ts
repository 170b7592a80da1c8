import type { NamedTensors } from '../contract/checkpoint.js';
import type { DatasetPass } from '../contract/plugin.js';
import { isKdError, KdError, messageOf } from '../errors.js';
import { fingerprintOfValues } from '../fingerprint.js';
import { guarded } from '../plugins/guarded.js';
import { madeFrom, readSame } from './pass-cache.js';
import type { PassContext, PassMoment } from './pass-context.js';
import { type DuePass, duePass } from './pass-due.js';
import { openPass } from './pass-view.js';
import type { Distiller } from '../plugins/plugin-host.js';

/**
 * Runs the data set passes that are due before a step. After a resume, the result that the last due one left in the run
 * folder is
 * read instead.
 * @returns false when the signal ended a pass: nothing of it was kept, and the results of before still hold
 */
export async function runPasses(
  distillers: readonly Distiller[],
  moment: PassMoment,
  context: PassContext,
): Promise<boolean> {
  for (const distiller of distillers) {
    const pass = distiller.hooks.datasetPass;
    if (pass === undefined) continue;
    const due = duePass(pass.every, moment.step, moment.stepsPerEpoch, distiller.id);
    if (due.step !== moment.step && !moment.resumed) continue;
    try {
      const result = await resultOf(distiller, pass, due, moment, context);
      const use = (): void => guarded(distiller.id, 'datasetPass.use', () => pass.use(result));
      context.onResult?.();
      if (context.leaks === undefined) use();
      else context.leaks.around(distiller.id, 'datasetPass.use', use);
    } catch (cause) {
      if (stopped(cause, context.signal)) return false;
      if (isKdError(cause)) throw cause;
      throw new KdError(
        'PLUGIN_HOOK',
        `${distiller.id}.datasetPass threw before step ${moment.step} (epoch ${moment.epoch}): ${messageOf(cause)}`,
        { cause },
      );
    }
  }
  return true;
}

async function resultOf(
  distiller: Distiller,
  pass: DatasetPass,
  due: DuePass,
  moment: PassMoment,
  context: PassContext,
): Promise<NamedTensors> {
  const { id, variables } = distiller;
  const { folder, format, student, logger } = context;
  const file = folder.file('passes', id, `${due.name}${format.extension}`);
  const from = await madeFrom(distiller, context);
  const inside = due.step !== moment.step;
  // A run that died may have left a result of another student. Inside of a period the student has moved on since;
  // whoever passed the due step has compared it there.
  const values = await fingerprintOfValues(student.variables, variables);
  const known = await readSame(file, { madeFrom: from, ...(!inside && { student: values }) }, context);
  if (known !== null) return known;
  if (inside)
    logger.warn(
      `${id}: ${file} is not there, or was made from something else; the data set pass of step ${due.step} is made again, from the student of step ${moment.step}.`,
    );
  const make = async (): Promise<void> => {
    const open = openPass(distiller, moment, context);
    try {
      const result = await pass.run(open.view);
      // What a plugin returns after it was told to stop may be a part.
      context.signal?.throwIfAborted();
      if (typeof (result as Partial<NamedTensors> | undefined)?.get !== 'function')
        throw new TypeError(
          `run returned ${result === null ? 'null' : typeof result}; it must return a Map of tensors, which may be empty`,
        );
      await format.write(file, result, {
        kd: '1',
        plugin: id,
        step: String(moment.step),
        epoch: String(moment.epoch),
        madeFrom: from,
        student: values,
      });
    } finally {
      await open.close();
    }
  };
  await (context.leaks === undefined ? make() : context.leaks.aroundPass(id, make));
  return (await format.read(file)).tensors;
}

/** The plugin was stopped, and did not fail. */
const stopped = (thrown: unknown, signal: AbortSignal | undefined): boolean =>
  signal?.aborted === true &&
  (thrown === signal.reason ||
    (thrown instanceof Error && (thrown.name === 'AbortError' || stopped(thrown.cause, signal))));
