import { KdError, type HostTensor, type NamedTensors } from '@kd/core';
import { type FlattenedMap, flattenedMap, type WeightSides } from './flattened-map.js';
import { permute } from './permute.js';
import { currentNames } from './torchvision-names.js';

/** What each weight of a norm layer is called: torch's name, ours. */
const NORM = [
  ['weight', 'gamma'],
  ['bias', 'beta'],
  ['running_mean', 'moving_mean'],
  ['running_var', 'moving_variance'],
] as const;

/**
 * A torch state dict of a torchvision detector (or of a ResNet classifier, which becomes the backbone) under our names
 * and layouts: layers
 * keep torchvision's module paths, variables are `<layer>/<weight>`.
 *
 * | torch | ours |
 * |---|---|
 * | `weight` of rank 4, [out, in, kh, kw] | `kernel` [kh, kw, in, out], and `bias` |
 * | `weight` of rank 2, [out, in] | `kernel` [in, out], and `bias` |
 * | `weight`, `bias`, `running_mean`, `running_var` of a norm, [c] | `gamma`, `beta`, `moving_mean`, `moving_variance`
 * |
 *
 * Accepted besides: a `module.` prefix, names from before torchvision 0.13. Dropped: `num_batches_tracked`, a
 * classifier's `fc`.
 * Anything else keeps its name and layout. Dtypes stay.
 * @throws KdError CHECKPOINT_INVALID when two keys become one name, or a `weight` has a rank that no layer has
 */
export function fromTorchvision(stateDict: NamedTensors): Map<string, HostTensor> {
  const names = currentNames(new Map([...stateDict].map(([key, { shape }]) => [key, shape.length])));
  const keyOf = new Map<string, string>();
  for (const [key, name] of names) {
    const other = keyOf.get(name);
    if (other !== undefined)
      throw new KdError(
        'CHECKPOINT_INVALID',
        `the keys "${other}" and "${key}" are both ${name}. Remove one of them from the checkpoint.`,
      );
    keyOf.set(name, key);
  }
  const result = new Map<string, HostTensor>();
  const flattened = flattenedMap(
    sidesOf('.weight', new Map([...keyOf].map(([name, key]) => [name, stateDict.get(key)!])), ([output, input]) => ({
      input: input!,
      output: output!,
    })),
  );
  for (const [name, key] of keyOf) {
    const dot = name.lastIndexOf('.');
    const layer = name.slice(0, Math.max(dot, 0));
    const leaf = name.slice(dot + 1);
    const sibling = (other: string): HostTensor | undefined => stateDict.get(keyOf.get(`${layer}.${other}`) ?? '');
    const isNorm = (sibling('weight')?.shape.length ?? (sibling('running_mean') ? 1 : 0)) === 1;
    const path = (variable: string): string => (layer === '' ? variable : `${layer}/${variable}`);
    const tensor = stateDict.get(key)!;
    const norm = isNorm ? NORM.find(([torch]) => torch === leaf) : undefined;
    if (norm !== undefined) result.set(path(norm[1]), tensor);
    else if (leaf === 'weight') result.set(path('kernel'), toKernel(layer, tensor, flattened));
    else result.set(path(leaf), tensor);
  }
  return result;
}

/**
 * The inverse of {@link fromTorchvision}: a state dict under torchvision's current names. It has no
 * `num_batches_tracked`; torch's
 * `load_state_dict` fills those in.
 */
export function toTorchvision(tensors: NamedTensors): Map<string, HostTensor> {
  const result = new Map<string, HostTensor>();
  const flattened = flattenedMap(
    sidesOf('/kernel', tensors, (shape) => ({ input: shape.at(-2)!, output: shape.at(-1)! })),
  );
  for (const [path, tensor] of tensors) {
    const slash = path.lastIndexOf('/');
    const layer = path.slice(0, Math.max(slash, 0));
    const variable = path.slice(slash + 1);
    const key = (leaf: string): string => (layer === '' ? leaf : `${layer}.${leaf}`);
    const norm = NORM.find(([, ours]) => ours === variable);
    if (norm !== undefined) result.set(key(norm[0]), tensor);
    else if (variable === 'kernel') result.set(key('weight'), fromKernel(layer, tensor, flattened));
    else result.set(key(variable), tensor);
  }
  return result;
}

/** Ranks and sides of all convolutions and linear layers, whose weights' names end in `ending`. */
function sidesOf(
  ending: string,
  tensors: NamedTensors,
  read: (shape: readonly number[]) => Omit<WeightSides, 'rank'>,
): Map<string, WeightSides> {
  return new Map(
    [...tensors]
      .filter(([name, { shape }]) => name.endsWith(ending) && shape.length > 1)
      .map(([name, { shape }]) => [name.slice(0, -ending.length), { rank: shape.length, ...read(shape) }]),
  );
}

function toKernel(layer: string, tensor: HostTensor, flattened: FlattenedMap | undefined): HostTensor {
  const { shape } = tensor;
  if (shape.length === 4) return permute(tensor, [2, 3, 1, 0]);
  if (shape.length !== 2) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      `"${layer}.weight" has shape [${shape.join(', ')}]; convolutions have 4 sides, linear layers 2 and norms 1. The checkpoint is of another kind of model.`,
    );
  }
  const [out, features] = shape as [number, number];
  if (layer !== flattened?.layer) return permute(tensor, [1, 0]);
  const map = { ...tensor, shape: [out, flattened.channels, flattened.side, flattened.side] };
  return { ...permute(map, [2, 3, 1, 0]), shape: [features, out] };
}

function fromKernel(layer: string, tensor: HostTensor, flattened: FlattenedMap | undefined): HostTensor {
  const { shape } = tensor;
  if (shape.length === 4) return permute(tensor, [3, 2, 0, 1]);
  if (shape.length !== 2)
    throw new KdError('USAGE', `"${layer}/kernel" has shape [${shape.join(', ')}]; a kernel has 4 sides or 2.`);
  const [features, out] = shape as [number, number];
  if (layer !== flattened?.layer) return permute(tensor, [1, 0]);
  const map = { ...tensor, shape: [flattened.side, flattened.side, flattened.channels, out] };
  return { ...permute(map, [3, 2, 0, 1]), shape: [out, features] };
}
