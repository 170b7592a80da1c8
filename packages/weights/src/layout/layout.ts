import type { HostTensor, NamedTensors } from '@kd/core';
import { splitName } from '../names/translate.js';
import { type FlattenedMap, flattenedMaps, type WeightSides } from './flattened-map.js';
import { lazyTensor, passingData } from './lazy-tensor.js';
import { permute } from './permute.js';

/** A variable of ours, or a tensor of torch, by its name. */
export type Named = readonly [name: string, tensor: HostTensor];
type Reader = (name: string, tensor: HostTensor) => Named;

/** What each weight of a norm layer is called: torch's name, ours. */
const NORM = [
  ['weight', 'gamma'],
  ['bias', 'beta'],
  ['running_mean', 'moving_mean'],
  ['running_var', 'moving_variance'],
] as const;

/**
 * How tensors of torch lie here, by kind of layer. Layers keep their names, variables are `<layer>/<weight>`.
 *
 * | layer | torch | ours |
 * |---|---|---|
 * | convolution | `weight` [out, in, kh, kw] | `kernel` [kh, kw, in, out] |
 * | grouped, depthwise | `weight` [out, in / groups, kh, kw] | `kernel` [kh, kw, in / groups, out] |
 * | depthwise as TensorFlow.js has it | `weight` [c, 1, kh, kw] | `depthwise_kernel` [kh, kw, c, 1]; see `asWanted` |
 * | linear | `weight` [out, in] | `kernel` [in, out] |
 * | linear behind a flattened map | `weight` [out, c · s · s] | `kernel` [s · s · c, out] |
 * | norm | `weight`, `bias`, `running_mean`, `running_var` | `gamma`, `beta`, `moving_mean`, `moving_variance` |
 * | anything else, scalars too | its name | its name |
 *
 * @param all every tensor of the file, by our names in torch's form
 */
export function fromTorchLayout(all: NamedTensors): Reader {
  const flattened = flattenedMaps(sidesOf('.weight', all, ([output, input]) => ({ input: input!, output: output! })));
  return (name, tensor) => {
    const [layer, leaf] = splitName(name);
    const isNorm = leaf.startsWith('running_') || all.get(`${layer}.weight`)?.shape.length === 1;
    const norm = isNorm ? NORM.find(([torch]) => torch === leaf) : undefined;
    const path = (variable: string): string => (layer === '' ? variable : `${layer}/${variable}`);
    if (norm !== undefined) return [path(norm[1]), tensor];
    if (leaf !== 'weight') return [path(leaf), tensor];
    const { shape } = tensor;
    if (shape.length === 4) return [path('kernel'), permute(tensor, [2, 3, 1, 0])];
    if (shape.length === 2) return [path('kernel'), toLinear(tensor, flattened.get(layer))];
    // A layer of no kind that a model here has.
    return [path(leaf), tensor];
  };
}

/** The inverse of {@link fromTorchLayout}. @param all every variable of the model */
export function toTorchLayout(all: NamedTensors): Reader {
  const flattened = flattenedMaps(
    sidesOf('/kernel', all, (shape) => ({ input: shape.at(-2)!, output: shape.at(-1)! })),
  );
  return (path, tensor) => {
    const slash = path.lastIndexOf('/');
    const layer = path.slice(0, Math.max(slash, 0));
    const variable = path.slice(slash + 1);
    const name = (leaf: string): string => (layer === '' ? leaf : `${layer}.${leaf}`);
    const norm = NORM.find(([, ours]) => ours === variable);
    const { length: rank } = tensor.shape;
    if (norm !== undefined) return [name(norm[0]), tensor];
    if (variable === 'depthwise_kernel' && rank === 4) return [name('weight'), permute(tensor, [2, 3, 0, 1])];
    if (variable === 'kernel' && rank === 4) return [name('weight'), permute(tensor, [3, 2, 0, 1])];
    if (variable === 'kernel' && rank === 2) return [name('weight'), fromLinear(tensor, flattened.get(layer))];
    return [name(variable), tensor];
  };
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

function toLinear(tensor: HostTensor, flattened: FlattenedMap | undefined): HostTensor {
  if (flattened === undefined) return permute(tensor, [1, 0]);
  const [out, features] = tensor.shape as [number, number];
  const { channels, side } = flattened;
  return reshaped(permute(reshaped(tensor, [out, channels, side, side]), [2, 3, 1, 0]), [features, out]);
}

function fromLinear(tensor: HostTensor, flattened: FlattenedMap | undefined): HostTensor {
  if (flattened === undefined) return permute(tensor, [1, 0]);
  const [features, out] = tensor.shape as [number, number];
  const { channels, side } = flattened;
  return reshaped(permute(reshaped(tensor, [side, side, channels, out]), [3, 2, 0, 1]), [out, features]);
}

/** Another shape of the same values. */
export const reshaped = (tensor: HostTensor, shape: readonly number[]): HostTensor =>
  lazyTensor(
    tensor,
    shape,
    () => tensor.data,
    () => passingData(tensor),
  );
