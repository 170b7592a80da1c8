import { KdError, type HostTensor, type NamedTensors } from '@kd/core';
import { backgroundLast } from './layout/class-rows.js';
import { toTorchLayout } from './layout/layout.js';
import { findNameMap, nameMap } from './names/find-map.js';
import type { Family } from './names/name-map.js';
import { toTheirNames } from './names/translate.js';

const FAMILIES: readonly Family[] = ['torchvision', 'mmdet'];

/**
 * Our variables as a state dict of torch: its names, by a map, and its layouts. Values are moved when they are read.
 * @param map a family, whose map for this model is found from our names; or a map by its id
 * @param model the whole model, where `tensors` are a part of it or its gradients: tells norms of other kinds apart
 * @throws KdError USAGE naming the variables that the map has no name for
 */
export function exportStateDict(
  tensors: NamedTensors,
  map: Family | (string & {}),
  model: NamedTensors = tensors,
): Map<string, HostTensor> {
  const ours = inTorchLayout(tensors);
  const whole = model === tensors ? ours : inTorchLayout(model);
  const family = FAMILIES.find((one) => one === map);
  const found = family === undefined ? null : findNameMap(ours.keys(), 'ours', family);
  const chosen = found === null ? nameMap(map) : found.map;
  // torchvision's names are ours: what no map knows keeps its own.
  if (chosen === null && map === 'torchvision') return ours;
  if (chosen === null) throw new KdError('USAGE', `the model cannot be written under ${map}'s names: ${found!.why}.`);
  const { names, unknown } = toTheirNames(chosen, ours.keys());
  if (unknown.length > 0 && chosen.family !== 'torchvision')
    throw new KdError(
      'USAGE',
      `${unknown.length} of the model's ${ours.size} tensors have no name in ${chosen.title} (${unknown
        .slice(0, 3)
        .map(({ name }) => name)
        .join(', ')}${unknown.length > 3 ? ', …' : ''}). Write it under torchvision's names, which are @kd's own.`,
    );
  const theirs = (name: string): string => {
    const named = names.get(name)?.[0] ?? name;
    return chosen.family === 'mmdet' && isGroupNorm(name, whole) ? named.replace(/\bbn(\d*)\./, 'gn$1.') : named;
  };
  const rows = (name: string): number | undefined => ours.get(name)?.shape[0];
  const reorder = chosen.backgroundLast === undefined ? null : backgroundLast(chosen.backgroundLast, rows);
  return new Map([...ours].map(([name, tensor]) => [theirs(name), reorder === null ? tensor : reorder(name, tensor)]));
}

function inTorchLayout(tensors: NamedTensors): Map<string, HostTensor> {
  const layout = toTorchLayout(tensors);
  return new Map([...tensors].map(([path, tensor]) => layout(path, tensor)));
}

/** mmdetection calls a norm by its kind; one without running statistics where batch norms stand is a GroupNorm. */
const isGroupNorm = (name: string, all: ReadonlyMap<string, HostTensor>): boolean => {
  const layer = name.slice(0, name.lastIndexOf('.'));
  return all.get(`${layer}.weight`)?.shape.length === 1 && !all.has(`${layer}.running_mean`);
};
