import type { CheckpointFormat, HostTensor, NamedTensors } from '../contract/checkpoint.js';
import { detectorTensors } from './checkpoints.js';
import { KdError, messageOf } from '../errors.js';
import type { Run } from './run.js';
import type { Updater } from './updater.js';
import { assignHost, loadDetector, toHost } from '../variables.js';

/** What a resume needs: `student/…`, `plugin/<id>/…`, `state/<id>/…`, `optimizer/…`, `ema/…`. */
export async function trainingState({ student, distillers }: Run, updater: Updater): Promise<Map<string, HostTensor>> {
  const tensors = await detectorTensors(student.detector);
  for (const { id, variables, hooks, call } of distillers) {
    for (const { path, variable } of variables) tensors.set(`plugin/${path}`, await toHost(variable));
    for (const [name, value] of call('state', () => listOf(hooks.state?.()))) tensors.set(`state/${id}/${name}`, value);
  }
  for (const [name, value] of await updater.state()) tensors.set(name, value);
  return tensors;
}

/** A promise is left to the caller, who tells of it. */
const listOf = (state: NamedTensors | undefined): readonly (readonly [string, HostTensor])[] => {
  if (state !== undefined && typeof (state as Partial<NamedTensors>).get !== 'function' && !('then' in state))
    throw new TypeError('it must return a Map of tensors');
  return (state ?? []) as readonly (readonly [string, HostTensor])[];
};

/** What must be the same when a run goes on, or it would be another run. */
export interface FixedSettings {
  readonly seed: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly stepsPerEpoch: number;
  readonly optimizer: string;
  readonly distillers: readonly string[];
}

/** Where a run stands, beside its tensors. */
export interface Position {
  readonly step: number;
  readonly milliseconds: number;
  readonly millisecondsEvaluating: number;
  readonly best: unknown;
  readonly last: unknown;
  /** The evaluation of this step is due and not in `best` and `last` yet. */
  readonly toEvaluate: boolean;
}

export const positionMetadata = (position: Position, fixed: FixedSettings): Record<string, string> => ({
  training: JSON.stringify({ ...position, fixed }),
});

function parsePosition(text: string | undefined, fixed: FixedSettings, file: string): Position {
  if (text === undefined)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} holds weights only, no state of a training; use it as init in a config instead.`,
    );
  let position: Position & { readonly fixed: FixedSettings };
  try {
    position = JSON.parse(text) as typeof position;
    if (!Number.isInteger(position.step) || typeof position.fixed !== 'object')
      throw new TypeError('it names no step or no settings');
  } catch (cause) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file}: its metadata "training" cannot be read: ${messageOf(cause)}. Take another checkpoint.`,
      { cause },
    );
  }
  for (const key of Object.keys(fixed) as (keyof FixedSettings)[]) {
    const [was, is] = [JSON.stringify(position.fixed[key]), JSON.stringify(fixed[key])];
    if (was !== is)
      throw new KdError(
        'CHECKPOINT_INVALID',
        `${file} was trained with ${key} ${was}, the config gives ${is}. Resume with the config of the run, or start a new one with init.`,
      );
  }
  return position;
}

/** Puts everything back as {@link trainingState} left it. @throws KdError CHECKPOINT_INVALID */
export async function resume(
  file: string,
  format: CheckpointFormat,
  { student, distillers }: Run,
  updater: Updater,
  fixed: FixedSettings,
): Promise<Position> {
  const { tensors, metadata } = await format.read(file);
  const position = parsePosition(metadata['training'], fixed, file);
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
  return position;
}
