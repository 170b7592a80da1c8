import {
  type Detector,
  type DetectorContext,
  type DetectorDefinition,
  type HostBatch,
  type HostTensor,
  loadDetector,
  parseOptions,
} from '@kd/core';
import { inputTransform } from '@kd/data';
import { fcos } from '@kd/detector-fcos';
import { retinanet } from '@kd/detector-retinanet';
import { runOp } from '@kd/engine-tensorflow';
import { fromTorchvision, toTorchvision } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import type { DetectorCase, GoldenTensors } from '../support/index.js';
import { createCase } from './faster-rcnn.js';
import { fcosOptions } from './fcos.js';
import type { DetectorIndex } from './index-file.js';
import { retinanetOptions } from './retinanet.js';
import type { Stepped } from './steps.js';

/** A detector with a case's weights, and its inputs. */
export interface LoadedCase extends Stepped {
  readonly index: DetectorIndex;
  readonly io: GoldenTensors;
  /** Under torch's names. */
  readonly weights: ReadonlyMap<string, HostTensor>;
  /** What torch adds to our labels: 1 where its 0 is the background. */
  readonly labelShift: number;
  /** How many rows were sampled that torch drew and that are no candidates here, each time. */
  readonly strays: readonly tf.Scalar[];
  /** The batch of a scenario; without one, of the images alone. */
  batch(scenario?: string): HostBatch;
}

function contextOf(classes: number): DetectorContext {
  const categories = Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` }));
  return { categories, seed: 1, ...(tf.getBackend() === 'tensorflow' && { runOp }) };
}

const create = <Options, Input>(
  { definition }: { readonly definition: DetectorDefinition<Options> },
  options: Input,
  { name, config }: DetectorIndex,
): Detector => definition.create(parseOptions(definition.options, options, name), contextOf(config.num_classes));

const builders: Readonly<
  Record<string, (index: DetectorIndex, io: GoldenTensors, strays: tf.Scalar[], scenario?: string) => Detector>
> = {
  retinanet: (index) => create(retinanet, retinanetOptions(index.config), index),
  fcos: (index) => create(fcos, fcosOptions(index.config), index),
  faster_rcnn: (index, io, strays, scenario) =>
    createCase(index, io, contextOf(index.config.num_classes - 1), strays, scenario),
};

/** @param scenario how a two-stage detector samples */
export async function loadCase(one: DetectorCase, scenario?: string): Promise<LoadedCase> {
  const index = one.index as unknown as DetectorIndex;
  const labelShift = index.config.roi === undefined ? 0 : 1;
  const build = builders[index.detector];
  if (build === undefined)
    throw new Error(
      `detector "${index.detector}" is listed as built, but tests/golden/detectors/loaded-case.ts cannot build it.`,
    );
  const io = await one.tensors(index.tensors.file);
  const strays: tf.Scalar[] = [];
  const detector = build(index, io, strays, scenario);
  const { all: weights } = await one.tensors(index.weights.file);
  loadDetector(detector, fromTorchvision(weights), `${one.name}/${index.weights.file}`);
  return {
    index,
    io,
    weights,
    detector,
    labelShift,
    strays,
    toTheirs: toTorchvision,
    batch: (of) =>
      inputTransform(
        index.images.map(({ tensor, height, width }, i) => {
          const image = { data: Uint8Array.from(io.get(tensor).values), height, width };
          if (of === undefined) return { image };
          const boxes = io.get(`targets/${of}/boxes${i}`).values;
          const labels = Array.from(io.get(`targets/${of}/labels${i}`).values, (label) => label - labelShift);
          return {
            image,
            labels,
            boxes: labels.map(
              (_, j) => [boxes[j * 4]!, boxes[j * 4 + 1]!, boxes[j * 4 + 2]!, boxes[j * 4 + 3]!] as const,
            ),
          };
        }),
        detector.input,
      ),
  };
}
