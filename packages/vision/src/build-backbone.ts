import {
  type Backbone,
  type BackboneContext,
  type BackboneDefinition,
  type BackboneStage,
  KdError,
  type Use,
} from '@kd/core';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { refuseStockNorm } from './graph.js';
import { type Layer, variableOf } from './layers/layer-weight.js';

export interface PrunedBackboneOptions extends Omit<BackboneContext, 'norm'> {
  readonly norm: Omit<BackboneContext['norm'], 'momentum'>;
  /** How many parts train. */
  readonly trainableLayers: number;
  /** Strides of the stages that are read, finest first. */
  readonly strides: readonly number[];
}

/** A backbone up to the coarsest stage that is read. */
export interface PrunedBackbone extends Pick<Backbone, 'images' | 'stages' | 'layers'> {
  /** Those of the wanted strides. */
  readonly read: readonly BackboneStage[];
}

/**
 * Builds a backbone, drops what no stage up to the last one that is read needs, and freezes the parts that do not
 * train.
 * @throws KdError CONFIG_INVALID for a stride that it has no stage of, PLUGIN_INVALID when it breaks the contract
 */
export function buildBackbone(
  { definition, options }: Use<BackboneDefinition>,
  { norm, trainableLayers, strides, path, seed }: PrunedBackboneOptions,
): PrunedBackbone {
  const { momentum = 0.1 } = definition.norm ?? {};
  const whole = definition.create(options, { path, seed, norm: { ...norm, momentum } });
  const stages = [...whole.stages].sort((a, b) => a.stride - b.stride);
  const read = strides.map((stride) => {
    const stage = stages.find((one) => one.stride === stride);
    if (stage) return stage;
    throw new KdError(
      'CONFIG_INVALID',
      `the backbone ${definition.name} has no stage of stride ${stride} (returnedLayers ${Math.log2(stride) - 1}); its stages have the strides ${stages.map((one) => one.stride).join(', ')}. Name those that you want in returnedLayers: k stands for stride 2^(k + 1).`,
    );
  });
  const last = Math.max(...strides);
  const kept = stages.filter(({ stride }) => stride <= last);
  const needed = layersBefore(kept.map(({ output }) => output));
  const layers = whole.layers.filter((layer) => needed.has(layer));
  for (const layer of whole.layers)
    if (!needed.has(layer)) layer.weights.forEach((weight) => variableOf(weight).dispose());
  refuseStockNorm(layers);
  checkNames(definition.name, path, layers);
  freeze(layers, whole.parts.slice(trainableLayers), path);
  return { images: whole.images, stages: kept, read, layers };
}

/** Every layer that the tensors are computed by. */
function layersBefore(outputs: readonly SymbolicTensor[]): Set<Layer> {
  const seen = new Set<SymbolicTensor>();
  const visit = (tensor: SymbolicTensor): void => {
    if (seen.has(tensor)) return;
    seen.add(tensor);
    tensor.inputs?.forEach(visit);
  };
  outputs.forEach(visit);
  return new Set([...seen].map(({ sourceLayer }) => sourceLayer));
}

function freeze(layers: readonly Layer[], parts: Backbone['parts'], path: string): void {
  const frozen = parts.flat().map((part) => `${path}.${part}`);
  for (const layer of layers)
    if (frozen.some((part) => layer.name === part || layer.name.startsWith(`${part}.`))) layer.trainable = false;
}

/** TensorFlow.js numbers the layers of a process that have no name: the second network of it would be another one. */
function checkNames(backbone: string, path: string, layers: readonly Layer[]): void {
  const stray = layers.filter(({ name, weights }) => weights.length > 0 && !name.startsWith(`${path}.`));
  if (stray.length === 0) return;
  throw new KdError(
    'PLUGIN_INVALID',
    `the backbone ${backbone} has layers with weights whose names do not begin with "${path}.": ${stray
      .slice(0, 3)
      .map(({ name }) => name)
      .join(
        ', ',
      )}${stray.length > 3 ? ', …' : ''}. Checkpoints go by these names: give each layer one, behind the path that \`create\` is given.`,
  );
}
