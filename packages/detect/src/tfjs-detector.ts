import { DetectError } from './detect-error.js';
import { createDetector, type Detector } from './detector.js';
import { checkedInfo } from './load.js';

interface TfjsTensor {
  readonly shape: readonly number[];
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** The part of TensorFlow.js that is used: what `import * as tf from '@tensorflow/tfjs-core'` gives. */
export interface TfjsRuntime {
  tensor(data: Float32Array | Uint8Array, shape: number[], dtype: 'float32'): Pick<TfjsTensor, 'dispose'>;
  getBackend(): string;
}

/** What `loadGraphModel` or `loadLayersModel` gives. */
export interface TfjsModel {
  readonly outputs: readonly { readonly name: string }[];
  predict(images: object): unknown;
  dispose(): unknown;
  /** Of a graph model. */
  readonly metadata?: unknown;
  /** Of a layers model. */
  getUserDefinedMetadata?(): unknown;
}

/**
 * A detector on TensorFlow.js, on the back end that it has then.
 * @param model loaded from what `kd export --to tfjs-graph` or `--to tfjs-layers` wrote
 * @throws DetectError MODEL_INVALID
 */
export function tfjsDetector(model: TfjsModel, tf: TfjsRuntime): Detector {
  const said = (model.getUserDefinedMetadata?.() ?? model.metadata) as
    | { readonly kd?: unknown; readonly outputs?: readonly string[] }
    | null
    | undefined;
  if (said?.kd === undefined)
    throw new DetectError(
      'MODEL_INVALID',
      'This model of TensorFlow.js does not say how its images are made and its outputs are read: it was not written by kd export.',
    );
  // Names of layers are not free: a layers model says beside them what its outputs are.
  const names = said.outputs ?? model.outputs.map(({ name }) => name);
  return createDetector(checkedInfo(said.kd), {
    backend: tf.getBackend(),
    async run(data, shape) {
      const images = tf.tensor(data, [...shape], 'float32');
      let found: TfjsTensor[] = [];
      try {
        found = [model.predict(images)].flat() as TfjsTensor[];
        const maps = found.map(async (map, i) => [names[i], { data: await map.data(), dims: map.shape }] as const);
        return Object.fromEntries(await Promise.all(maps)) as Record<
          string,
          { data: ArrayLike<number>; dims: number[] }
        >;
      } finally {
        for (const tensor of [images, ...found]) tensor.dispose();
      }
    },
    dispose: async () => void model.dispose(),
  });
}
