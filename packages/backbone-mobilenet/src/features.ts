import type { Backbone, BackboneContext, BackboneStage } from '@kd/core';
import { initialiseLayers, type NetworkBuilder, networkBuilder } from '@kd/vision';
import { input, type SymbolicTensor } from '@tensorflow/tfjs-layers';

/** One module of torchvision's `features`; its layers are named `<path>.<index>.…`. */
export interface Feature {
  readonly stride: 1 | 2;
  build(x: SymbolicTensor, at: { readonly builder: NetworkBuilder; readonly name: string }): SymbolicTensor;
}

/** The last module of each stride is a stage. What trains goes from one halving of the map to the next. */
export function buildFeatures(features: readonly Feature[], { path, seed }: BackboneContext): Backbone {
  const builder = networkBuilder();
  const images = input({ shape: [null, null, 3], name: 'images' });
  const stages = new Map<number, BackboneStage>();
  let x = images;
  let total = 1;
  features.forEach(({ stride, build }, i) => {
    const name = `${path}.${i}`;
    x = build(x, { builder, name });
    total *= stride;
    stages.set(total, { name, output: x, channels: x.shape[3]!, stride: total });
  });
  initialiseLayers(builder.layers, seed, () => ({ kernel: { kind: 'kaiming-normal-fan-out' } }));
  return { images, stages: [...stages.values()], layers: builder.layers, parts: partsOf(features) };
}

/** As torchvision's detectors freeze: the last module, then from each one with a stride up to the next. */
export function partsOf(features: readonly Feature[]): string[][] {
  const last = features.length - 1;
  const starts = [...features.keys()].filter((i) => i === 0 || i === last || features[i]!.stride === 2);
  return starts
    .map((from, k) => Array.from({ length: (starts[k + 1] ?? features.length) - from }, (_, i) => String(from + i)))
    .reverse();
}
