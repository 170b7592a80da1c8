import { findCheckpoint, type HostTensor, KdError, type NamedTensors, readModel, type WeightsOptions } from '@kd/core';
import { safetensorsFormat } from './checkpoint-format.js';
import { exportStateDict } from './export-weights.js';
import { importStateDict } from './import-weights.js';
import type { LeftOut } from './names/translate.js';
import { openWeights, type WeightsFile } from './weights-file.js';

/** Under whose names and in whose layouts weights are written; `keep`: their own, as they are. */
export type WeightNames = 'kd' | 'torchvision' | 'mmdet' | 'keep';

export interface ConvertedWeights {
  /** The file that was read. */
  readonly file: string;
  readonly tensors: NamedTensors;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whose names the file has, in words. */
  readonly told: string;
  readonly notes: readonly string[];
  /** What of the file is not among the tensors, and why. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * The weights of a run folder or of a file of any program under other names. `keep` gives every tensor of the state
 * dict with its dtype and layout. Tensors whose numbers nobody can have are left out.
 * @throws KdError CHECKPOINT_INVALID, USAGE where a program has no names for this model
 */
export async function convertWeights(
  path: string,
  names: WeightNames,
  { key, prefix, rename }: WeightsOptions = {},
): Promise<ConvertedWeights> {
  const file = await findCheckpoint(path, safetensorsFormat);
  const weights = await openWeights(file, { key });
  const base = { file, metadata: metadataOf(weights), notes: weights.notes };
  if (names !== 'keep') {
    const { told, tensors: ours, leftOut } = await underOurNames(weights, { prefix, rename });
    if (names !== 'kd') return { ...base, told, leftOut, tensors: exportStateDict(ours, names) };
    if (weights.metadata['detector'] === undefined) return { ...base, told, leftOut, tensors: ours };
    // Still a checkpoint, which says which detector it is of, without what only a resume needs.
    const tensors = new Map([...ours].map(([name, tensor]) => [`student/${name}`, tensor]));
    return { ...base, told, leftOut, tensors, metadata: { ...ofModel(weights.metadata), ...base.metadata } };
  }
  if (prefix !== undefined || rename !== undefined)
    throw new KdError(
      'USAGE',
      'names that are kept are not changed: leave prefix and rename out, or choose other names.',
    );
  return {
    ...base,
    told: 'names are kept',
    metadata: { ...weights.metadata, ...base.metadata },
    leftOut: refusedOf(weights),
    tensors: new Map([...weights.values].filter(([name]) => weights.tensors.get(name)!.refused === null)),
  };
}

/** What a checkpoint of @kd says of the model in it. */
const ofModel = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    ['detector', 'kd', 'metrics', 'step'].flatMap((key) => (key in metadata ? [[key, metadata[key]!]] : [])),
  );

/** What a training said of itself, which safetensors can hold as text. */
const metadataOf = ({ meta, container }: WeightsFile): Record<string, string> =>
  container === 'safetensors' || Object.keys(meta as object).length === 0 ? {} : { meta: JSON.stringify(meta) };

const refusedOf = ({ tensors }: WeightsFile): LeftOut[] =>
  [...tensors].flatMap(([name, { refused }]) => (refused === null ? [] : [{ name, why: refused }]));

async function underOurNames(
  weights: WeightsFile,
  options: Pick<WeightsOptions, 'prefix' | 'rename'>,
): Promise<Pick<ConvertedWeights, 'told' | 'tensors' | 'leftOut'>> {
  const { file } = weights;
  if (weights.metadata['detector'] !== undefined) {
    const { tensors } = await readModel(file, safetensorsFormat, options);
    return { told: 'a checkpoint of @kd', tensors, leftOut: [] };
  }
  const { map, told, tensors, sources, ignored, foreign } = importStateDict(weights.values, {
    ...options,
    where: file,
  });
  if (map === null && told !== '@kd')
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} cannot be brought under other names: ${told}. Keep its names (--names keep), or give rules by \`rename\`.`,
    );
  const refused = new Map(refusedOf(weights).map(({ name, why }) => [name, why]));
  const leftOut: LeftOut[] = [...ignored, ...foreign];
  const named = new Set([...leftOut, ...[...sources.values()].map((name) => ({ name }))].map(({ name }) => name));
  const taken = new Map<string, HostTensor>();
  for (const [path, tensor] of tensors) {
    const source = sources.get(path)!;
    // Our variables are `<layer>/<weight>`: another name would be read as one of torch the next time.
    const why = refused.get(source) ?? (path.includes('/') ? undefined : 'of no layer');
    if (why === undefined) taken.set(path, tensor);
    else leftOut.push({ name: source, why });
  }
  for (const name of weights.tensors.keys()) if (!named.has(name)) leftOut.push({ name, why: 'not below the prefix' });
  return { told, tensors: taken, leftOut };
}
