import {
  type Detector,
  type DetectorContext,
  type DetectorDefinition,
  type HostBatch,
  loadDetector,
  type NamedTensors,
  parseOptions,
  toHost,
} from '@kd/core';
import { inputTransform } from '@kd/data';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { runOp } from '@kd/engine-tensorflow';
import { importStateDict, type ImportedWeights, toMmdet } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import type { Stepped } from '../detectors/steps.js';
import type { DetectorCase, GoldenTensors } from '../support/index.js';
import { atssOptions, type Built, fcosOptions, gflOptions, retinanetOptions } from './dense-options.js';
import type { MmdetIndex } from './index-file.js';
import { readAll, type Reader } from './reader.js';
import { cascadeRcnnOptions, fasterRcnnOptions } from './two-stage-options.js';

/** A detector with a case's weights, and its inputs. */
export interface LoadedCase extends Stepped {
  readonly index: MmdetIndex;
  readonly io: GoldenTensors;
  /** The state dict as it is stored, and what of it became ours. */
  readonly weights: NamedTensors;
  readonly state: ImportedWeights;
  /** Puts the case's weights back. */
  reload(): void;
  /** The batch of a scenario, from the resized images; without one, of the images alone. */
  batch(scenario?: string): HostBatch;
}

type Config = MmdetIndex['config'];

interface Kind {
  read(model: Reader, config: Config): Built<object>;
  create(options: object, context: DetectorContext): Detector;
}

const kind = <Options, Input extends object>(
  { definition }: { readonly definition: DetectorDefinition<Options> },
  read: (model: Reader, config: Config) => Built<Input>,
): Kind => ({
  read,
  create: (options, context) => definition.create(parseOptions(definition.options, options, definition.name), context),
});

/** The detectors by mmdetection's type. */
const KINDS: Readonly<Record<string, Kind>> = {
  RetinaNet: kind(retinanet, retinanetOptions),
  FCOS: kind(fcos, fcosOptions),
  ATSS: kind(atss, atssOptions),
  GFL: kind(gfl, gflOptions),
  FasterRCNN: kind(fasterRcnn, fasterRcnnOptions),
  CascadeRCNN: kind(cascadeRcnn, cascadeRcnnOptions),
};

const kindOf = ({ detector }: MmdetIndex): Kind => {
  const found = KINDS[detector];
  if (found === undefined) throw new Error(`detector "${detector}" has no test`);
  return found;
};

/** The case's config as options of our detector. @throws by name where it cannot be mapped */
export function builtOf(index: MmdetIndex): Built<object> {
  return readAll('config.mmdet_model', index.config.mmdet_model, (model) => {
    model.only('type', index.detector);
    return kindOf(index).read(model, index.config);
  });
}

export async function loadCase(one: DetectorCase): Promise<LoadedCase> {
  const index = one.index as unknown as MmdetIndex;
  const { options } = builtOf(index);
  const classes = Array.from({ length: index.config.num_classes }, (_, id) => ({ id, name: `class ${id}` }));
  const detector = kindOf(index).create(options, {
    categories: classes,
    seed: 1,
    ...(tf.getBackend() === 'tensorflow' && { runOp }),
  });
  const [io, weights] = [await one.tensors(index.tensors.file), await one.tensors(index.weights.file)];
  const state = importStateDict(weights.all, {
    where: `${one.name}/${index.weights.file}`,
    wanted: new Map(detector.variables.map(({ path, variable }) => [path, variable])),
  });
  // A case of backbone and pyramid alone has no weights of a head: it keeps what it was made with.
  const own = index.train ? [] : detector.variables.filter(({ path }) => path.startsWith('head.'));
  const head = await Promise.all(own.map(async ({ path, variable }) => [path, await toHost(variable)] as const));
  const all = new Map([...head, ...state.tensors]);
  const reload = (): void => loadDetector(detector, all, `${one.name}/${index.weights.file}`);
  reload();
  return {
    index,
    io,
    detector,
    toTheirs: (tensors) => toMmdet(tensors, all),
    weights: weights.all,
    state,
    reload,
    batch: (scenario) => batchOf(index, io, detector, scenario),
  };
}

/**
 * The resized images as they are stored, in a batch that is made of blank images of the original size: that gives sizes
 * and boxes their way through the transform.
 */
function batchOf({ images }: MmdetIndex, io: GoldenTensors, { input }: Detector, scenario?: string): HostBatch {
  const whole = inputTransform(
    images.map(({ ori_shape: [height, width] }, i) => {
      const image = { data: new Uint8Array(height * width * 3), height, width };
      if (scenario === undefined) return { image };
      const boxes = io.get(`targets/${scenario}/boxes${i}`).values;
      const labels = [...io.get(`targets/${scenario}/labels${i}`).values];
      return {
        image,
        labels,
        boxes: labels.map((_, j) => [boxes[j * 4]!, boxes[j * 4 + 1]!, boxes[j * 4 + 2]!, boxes[j * 4 + 3]!] as const),
      };
    }),
    input,
  );
  const resized = images.map(({ resized: key }) => {
    const { values, shape } = io.get(key);
    return { image: { data: Uint8Array.from(values), height: shape[0]!, width: shape[1]! } };
  });
  return { ...whole, images: inputTransform(resized, input).images };
}
