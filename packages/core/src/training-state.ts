import type { CheckpointFormat, HostTensor } from './contract/checkpoint.js';
import { detectorTensors } from './checkpoints.js';
import { KdError } from './errors.js';
import type { Run } from './trainer.js';
import type { Updater } from './updater.js';
import { assignHost, loadDetector, toHost } from './variables.js';

/** What a resume needs: `student/…`, `plugin/<id>/…`, `state/<id>/…`, `optimizer/…`, `ema/…`. */
export async function trainingState({ student, distillers }: Run, updater: Updater): Promise<Map<string, HostTensor>> {
  const tensors = await detectorTensors(student.detector);
  for (const { id, variables, hooks } of distillers) {
    for (const { path, variable } of variables) tensors.set(`plugin/${path}`, await toHost(variable));
    for (const [name, value] of hooks.state?.() ?? []) tensors.set(`state/${id}/${name}`, value);
  }
  for (const [name, value] of await updater.state()) tensors.set(name, value);
  return tensors;
}

export interface ResumedState {
  readonly step: number;
  readonly milliseconds: number;
  readonly millisecondsEvaluating: number;
  readonly best: unknown;
}

/** Puts everything back as {@link trainingState} left it. @throws KdError CHECKPOINT_INVALID */
export async function resume(file: string, format: CheckpointFormat, { student, distillers }: Run, updater: Updater): Promise<ResumedState> {
  const { tensors, metadata } = await format.read(file);
  const text = metadata['training'];
  if (text === undefined) throw new KdError('CHECKPOINT_INVALID', `${file} holds weights only, no state of a training; use it as init in a config instead.`);
  const state = JSON.parse(text) as ResumedState & { readonly distillers: readonly string[] };
  const ids = distillers.map(({ id }) => id);
  if (state.distillers.join() !== ids.join()) {
    throw new KdError('CHECKPOINT_INVALID', `${file} was trained with the distillers [${state.distillers.join(', ')}], the config has [${ids.join(', ')}]. Resume with the config of the run, or start a new one with init.`);
  }
  const under = (prefix: string): Map<string, HostTensor> => new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]));
  loadDetector(student.detector, under('student/'), file);
  for (const { id, variables, hooks } of distillers) {
    const own = under(`plugin/`);
    for (const { path, variable } of variables) {
      const value = own.get(path);
      if (value === undefined) throw new KdError('CHECKPOINT_INVALID', `${file} has no value for plugin/${path}; it is from another version of the plugin.`);
      assignHost(variable, value);
    }
    hooks.restore?.(under(`state/${id}/`));
  }
  updater.restore(tensors, file);
  return state;
}
