import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { layers, SymbolicTensor } from '@tensorflow/tfjs-layers';

/** A feature of a network that others read: the output of a backbone's stage, a level of a neck. */
export interface BackboneStage {
  /** Module path, e.g. `backbone.body.layer2`: the name of its tap. */
  readonly name: string;
  /** [b, h, w, c] */
  readonly output: SymbolicTensor;
  readonly channels: number;
  /** Pixels of the input per cell; a power of 2. */
  readonly stride: number;
}

/**
 * What stands behind a convolution. `frozen`: four constant vectors. `live`: batch statistics in training. `eval`:
 * fixed statistics, scale and shift train. `group`: GroupNorm, for training from scratch with small batches.
 */
export interface BackboneNorm {
  readonly kind: 'frozen' | 'live' | 'eval' | 'group';
  readonly epsilon: number;
  /** Share of the batch in the new running statistics of a live norm, as torch counts it. */
  readonly momentum: number;
}

export interface BackboneContext {
  /** Module path before the name of every layer, e.g. `backbone.body`: variables and checkpoints go by it. */
  readonly path: string;
  /** What the options of the detector ask for. A network that comes with norms of its own may leave it alone. */
  readonly norm: BackboneNorm;
  /** Seed of the initial weights. */
  readonly seed: number;
}

/** A network from images to features: a functional `tf.layers` model, or layers placed one after the other. */
export interface Backbone {
  /** [b, h, w, 3], height and width null: `input({ shape: [null, null, 3] })`, or `model.inputs[0]`. */
  readonly images: SymbolicTensor;
  /** Finest first, one a stride. A detector reads some of them; what no stage that it reads needs is dropped. */
  readonly stages: readonly BackboneStage[];
  /** Every layer, its weights initialised, in the order of the variables: `builder.layers`, or `model.layers`. */
  readonly layers: readonly InstanceType<typeof layers.Layer>[];
  /**
   * What trains, part by part, the last of the network first: with `trainableLayers: n` of the detector the first `n`
   * parts train. A part is a list of module paths behind `path`; each stands for the layers under it.
   */
  readonly parts: readonly (readonly string[])[];
}

/** Images to stages: what stands under the option `backbone` of a detector. */
export interface BackboneDefinition<Options = unknown> {
  readonly kind: 'backbone';
  readonly name: string;
  /** Version of the contract, not of the package. */
  readonly apiVersion: number;
  /** Schema of the options, any Standard Schema. */
  readonly options: StandardSchemaV1<unknown, Options>;
  /** How many `parts` a backbone has: `trainableLayers` goes from 0 to this. */
  readonly trainableLayers: number;
  /** Of its batch norms, where a detector does not say otherwise; the default is torch's, 1e-5 and 0.1. */
  readonly norm?: Omit<BackboneNorm, 'kind'>;
  create(options: Options, context: BackboneContext): Backbone;
}
