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

interface Named {
  readonly name: string;
}

/** What `loadGraphModel` or `loadLayersModel` gives. */
export interface TfjsModel {
  readonly inputs: readonly Named[];
  readonly outputs: readonly Named[];
  predict(images: object): unknown;
  dispose(): unknown;
  /** Of a graph model. */
  readonly metadata?: unknown;
  execute?(inputs: object, outputs: string[]): unknown;
  /** Of a layers model. */
  getUserDefinedMetadata?(): unknown;
}

/** Makes a layers model of some inputs and outputs of another one. */
type PartOf = new (of: { readonly inputs: readonly Named[]; readonly outputs: readonly Named[] }) => TfjsModel;

/**
 * A detector on TensorFlow.js, on the back end that it has then.
 * @param model loaded from what `kd export --to tfjs-graph` or `--to tfjs-layers` wrote
 * @throws DetectError MODEL_INVALID
 */
export function tfjsDetector(model: TfjsModel, tf: TfjsRuntime): Detector {
  const ofLayers = model.getUserDefinedMetadata?.();
  const said = (ofLayers ?? model.metadata) as
    | { readonly kd?: unknown; readonly outputs?: readonly string[] }
    | null
    | undefined;
  if (said?.kd === undefined)
    throw new DetectError(
      'MODEL_INVALID',
      'This model of TensorFlow.js does not say how its images are made and its outputs are read: it was not written by kd export.',
    );
  const info = checkedInfo(said.kd);
  // Names of layers are not free: a layers model says beside them what its outputs are.
  const names = said.outputs ?? model.outputs.map(({ name }) => name);
  /** The part of the model from one of its inputs to some of its outputs. */
  const part = (input: Named, wanted: readonly string[]) => {
    let predict = (x: object): unknown => model.execute!({ [input.name]: x }, [...wanted]);
    if (ofLayers) {
      const own = new (model.constructor as PartOf)({
        inputs: [input],
        outputs: wanted.map((name) => model.outputs[names.indexOf(name)]!),
      });
      predict = (x) => own.predict(x);
    }
    return async (data: Float32Array | Uint8Array, shape: readonly number[]) => {
      const x = tf.tensor(data, [...shape], 'float32');
      let found: TfjsTensor[] = [];
      try {
        found = [predict(x)].flat() as TfjsTensor[];
        const values = found.map(async (map, i) => [wanted[i], { data: await map.data(), dims: map.shape }] as const);
        return Object.fromEntries(await Promise.all(values)) as Record<string, { data: Float32Array; dims: number[] }>;
      } finally {
        for (const tensor of [x, ...found]) tensor.dispose();
      }
    };
  };
  const stages = info.post?.kind === 'two-stage' ? info.post.stages : [];
  const outputsOf = (stage: number): [string, string] => [`logits@s${stage}`, `deltas@s${stage}`];
  const ofHeads = new Set(stages.flatMap((_, i) => outputsOf(i)));
  // TensorFlow.js numbers names that the process has had before: inputs of layers are known by their places.
  const inputOf = (place: number, name: string): Named => (ofLayers ? model.inputs[place]! : { name });
  const maps = part(
    inputOf(0, 'images'),
    names.filter((name) => !ofHeads.has(name)),
  );
  const heads = stages.map((_, i) => part(inputOf(i + 1, `pooled@s${i}`), outputsOf(i)));
  return createDetector(info, {
    backend: tf.getBackend(),
    run: maps,
    async runHead(stage, pooled, shape) {
      const found = await heads[stage]!(pooled, shape);
      const [logits, deltas] = outputsOf(stage).map((name) => found[name]!.data) as [Float32Array, Float32Array];
      return { logits, deltas };
    },
    dispose: async () => void model.dispose(), // parts have its layers
  });
}
