import { basename } from '#host/paths';
import type { CheckpointFormat, HostTensor, NamedTensors } from '../contract/checkpoint.js';
import { checkpointBefore, detectorTensors } from './checkpoints.js';
import { isKdError, KdError, messageOf } from '../errors.js';
import { checkFinite } from '../finite.js';
import { type ChangedSetting, changedSettings, type RunSettings, shownSetting } from './run-settings.js';
import type { LossScaleState } from './loss-scale.js';
import type { Run } from './run.js';
import type { Updater } from './updater.js';
import { assignHost, loadDetector, toHost } from '../variables.js';

/** What a resume needs: `student/…`, `plugin/<id>/…`, `state/<id>/…`, `optimizer/…`, `ema/…`. */
export async function trainingState({ student, distillers }: Run, updater: Updater): Promise<Map<string, HostTensor>> {
  const tensors = await detectorTensors(student.detector);
  for (const { id, variables, hooks, call } of distillers) {
    for (const { path, variable } of variables) tensors.set(`plugin/${path}`, await toHost(variable));
    const state = await call('state', async () => listOf(await hooks.state?.()));
    for (const [name, value] of state) tensors.set(`state/${id}/${name}`, value);
  }
  for (const [name, value] of await updater.state()) tensors.set(name, value);
  return tensors;
}

const listOf = (state: NamedTensors | undefined): Iterable<readonly [string, HostTensor]> => {
  if (state !== undefined && typeof (state as Partial<NamedTensors>).get !== 'function')
    throw new TypeError('it must return a Map of tensors');
  return state ?? [];
};

/** Where a run stands, beside its tensors. */
export interface Position {
  readonly step: number;
  readonly milliseconds: number;
  readonly millisecondsEvaluating: number;
  readonly best: unknown;
  readonly last: unknown;
  /** The evaluation of this step is due and not in `best` and `last` yet. */
  readonly toEvaluate: boolean;
  /** The step of `last`, -1 before any. */
  readonly evaluated?: number;
  /** What `stop` counts. */
  readonly waited?: unknown;
  /** Where the loss is scaled. */
  readonly lossScale?: LossScaleState;
  /** A listener has ended the run here. */
  readonly early?: unknown;
}

export const positionMetadata = (position: Position, settings: RunSettings): Record<string, string> => ({
  training: JSON.stringify({ ...position, settings }),
});

/** The names of all tensors: one that is missing later is noticed, also where none could be expected from the model. */
export const namesMetadata = (tensors: NamedTensors): Record<string, string> => ({
  tensors: JSON.stringify([...tensors.keys()]),
});

interface Stored {
  readonly file: string;
  readonly tensors: NamedTensors;
  readonly position: Position & { readonly settings?: RunSettings };
}

/** A checkpoint that holds all that it was written with. @throws KdError CHECKPOINT_INVALID with the way on */
async function readWhole(file: string, format: CheckpointFormat): Promise<Stored> {
  try {
    const { tensors, metadata, hashed } = await format.read(file);
    const position = parsePosition(metadata['training'], file);
    checkWritten(metadata, position, hashed, file);
    checkComplete(tensors, metadata['tensors']!, file);
    checkFinite(
      [...tensors].filter(([name]) => !name.startsWith('state/')),
      file,
    );
    return { file, tensors, position };
  } catch (cause) {
    if (!isKdError(cause) || cause.code !== 'CHECKPOINT_INVALID') throw cause;
    const before = await checkpointBefore(file, format);
    const way =
      before === null
        ? 'There is no older one in its folder: start a new run.'
        : `The one before, ${before}, lies beside it: delete ${basename(file)} and resume again, and the run goes on from there.`;
    throw new KdError('CHECKPOINT_INVALID', `${cause.message} ${way}`, { cause });
  }
}

function parsePosition(text: string | undefined, file: string): Stored['position'] {
  if (text === undefined)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} holds weights only, no state of a training; use it as init in a config instead.`,
    );
  try {
    const position = JSON.parse(text) as Stored['position'];
    if (!Number.isInteger(position.step)) throw new TypeError('it names no step');
    return position;
  } catch (cause) {
    throw new KdError('CHECKPOINT_INVALID', `${file}: its metadata "training" cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** What every checkpoint is written with; without it nobody could tell whether the rest is what was written. */
function checkWritten(
  metadata: Readonly<Record<string, string>>,
  position: Stored['position'],
  hashed: boolean | undefined,
  file: string,
): void {
  const gone = [
    ...(hashed === false ? ['its hash'] : []),
    ...(metadata['tensors'] === undefined ? ['the names of its tensors ("tensors")'] : []),
    ...(position.settings === undefined ? ['the settings of its run ("settings" in "training")'] : []),
  ];
  if (gone.length > 0)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} was changed after it was written: ${gone.join(' and ')} ${gone.length > 1 ? 'are' : 'is'} missing in its metadata. A training goes on from a whole checkpoint alone; as weights (init, teacher, kd eval) the file can still be used.`,
    );
}

function checkComplete(tensors: NamedTensors, names: string, file: string): void {
  const missing = parseNames(names, file).filter((name) => !tensors.has(name));
  if (missing.length > 0)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} is not whole: ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ` and ${missing.length - 3} more tensors` : ''} of what it was written with are missing.`,
    );
}

function parseNames(text: string, file: string): string[] {
  try {
    return [...(JSON.parse(text) as string[])];
  } catch (cause) {
    throw new KdError('CHECKPOINT_INVALID', `${file}: its metadata "tensors" cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** @returns what differs and may. @throws KdError CHECKPOINT_INVALID for what may not */
function compareSettings({ file, position }: Stored, now: RunSettings): ChangedSetting[] {
  const { fixed, told } = position.settings!;
  const other = changedSettings(fixed, now.fixed).map(
    ({ key, was, is }) => `with ${key} ${shownSetting(was)}, the config gives ${shownSetting(is)}`,
  );
  if (other.length > 0)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} was trained ${other.join('; ')}. Resume with the config of the run, or start a new one with init.`,
    );
  return changedSettings(told, now.told);
}

/**
 * Puts everything back as {@link trainingState} left it.
 * @returns where the run stands, and which settings are others than before
 * @throws KdError CHECKPOINT_INVALID
 */
export async function resume(
  file: string,
  format: CheckpointFormat,
  { student, distillers }: Run,
  updater: Updater,
  settings: RunSettings,
): Promise<Position & { readonly changed: readonly ChangedSetting[] }> {
  const stored = await readWhole(file, format);
  const changed = compareSettings(stored, settings);
  const { tensors, position } = stored;
  const under = (prefix: string): Map<string, HostTensor> =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [name.slice(prefix.length), value]),
    );
  loadDetector(student.detector, under('student/'), file);
  for (const { id, variables, hooks, call } of distillers) {
    const own = under(`plugin/`);
    for (const { path, variable } of variables) {
      const value = own.get(path);
      if (value === undefined)
        throw new KdError(
          'CHECKPOINT_INVALID',
          `${file} has no value for plugin/${path}; it is from another version of the plugin.`,
        );
      assignHost(variable, value);
    }
    call('restore', () => hooks.restore?.(under(`state/${id}/`)));
  }
  updater.restore(tensors, file);
  return { ...position, changed };
}
