import type { StandardSchemaV1 } from '@standard-schema/spec';
import type * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from './checkpoint.js';
import type { Category, HostBatch, ImageRecord, InputSpec } from './data.js';
import type {
  Assignment,
  Detector,
  DetectorOutput,
  Instances,
  Predictions,
  Priors,
  RegionOutput,
  RegionSamples,
  StagedHead,
  TapInfo,
  Targets,
} from './detector.js';
import type { StepRng } from './step-rng.js';
import type { Token } from './token.js';
import type { Logger } from '../logger.js';
import type { Rng } from '../rng.js';
import type { OptimizerOptions } from '../run/optimizers.js';

/** The version of the hook contract that this core speaks. */
export const API_VERSION = 1;

export type Role = 'teacher' | 'student';

/** A student tap and the teacher tap of the same stride. */
export interface TapPair {
  readonly student: TapInfo;
  readonly teacher: TapInfo;
  /** Pixels of the input per cell, of both. */
  readonly stride: number;
  /** The level's place in the order of strides, finest first. */
  readonly index: number;
  /** The teacher's own map, where `teacher` is that map resampled to the stride. */
  readonly resampled?: TapInfo;
}

/** What `featureTap` declares with; every refusal names the plugin and lists the taps that exist. */
export interface TapRequests {
  /**
   * Asks for the taps of both models that match `pattern` (a name, or a pattern with `*`) and pairs them by stride.
   * @param options.channels `equal` refuses a pair whose channel counts differ; `any` leaves it to the plugin (an
   *   adapter)
   * @throws KdError TAP_UNKNOWN, TAP_MISMATCH
   */
  pair(
    pattern: string | readonly string[],
    options?: { readonly channels?: 'equal' | 'any'; readonly hint?: string },
  ): readonly TapPair[];
  /** Asks for taps of one model. */
  of(role: Role, pattern: string | readonly string[]): readonly TapInfo[];
}

/** One of the two models as a plugin sees it inside of a step. */
export interface ModelView {
  /** A requested feature [b, h, w, c]. */
  tap(tap: TapInfo | string): tf.Tensor4D;
  readonly predictions: Predictions;
  readonly head: StagedHead | undefined;
  /** What this model says of the instances of the step, row by row of `instances`; made once, when first asked for. */
  readonly ofInstances: InstanceOutput;
  /** Of two-stage models: pools and classifies any boxes [b, n, 4]; `mask` as in `SecondStage.run`. */
  regions?(boxes: tf.Tensor3D, mask?: tf.Tensor2D): RegionOutput;
}

/** A model's output at the instances of a step: the student's positives, for the teacher too. */
export interface InstanceOutput {
  /** [b, n, k] before sigmoid, of dense models; [b, n, k + 1] before softmax, of two-stage models. */
  readonly logits: tf.Tensor3D;
  /** Index of the background in the logits, of two-stage models. */
  readonly background?: number;
  /** [b, n, s, s, c] pooled features, of two-stage models. */
  readonly features?: tf.Tensor5D;
  /** [b, n] int32: the level that a box was pooled from, of two-stage models. */
  readonly levels?: tf.Tensor2D;
}

/** How far each instance of the step can be trusted: [b, n] in the rows of `instances`, without a gradient. */
export interface InstanceWeights {
  /** For terms on features, a level of the neck each, finest first. */
  readonly levels: readonly tf.Tensor2D[];
  /** For terms on an instance's own logits. */
  readonly response: tf.Tensor2D;
}

/** Per-instance weights that one plugin hands to the terms of the others. */
export interface WeightChannel {
  /** Fills the channel. Only one plugin may fill it. */
  set(weights: InstanceWeights): void;
  /** The weights, or null when no plugin fills them. */
  get(): InstanceWeights | null;
}

export interface Progress {
  /** Steps done before this one. */
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly epochs: number;
  /** step / steps, in [0, 1) */
  readonly fraction: number;
}

/** What every plugin sees in a step. Tensors belong to the step: keep none. */
export interface StepView {
  readonly teacher: ModelView;
  readonly student: ModelView;
  readonly priors: Priors;
  /** Boxes [b, a, 4] of the student's coder from codes [b, a, 4]. */
  decode(codes: tf.Tensor3D): tf.Tensor3D;
  readonly targets: Targets;
  readonly assignment: Assignment;
  readonly instances: Instances;
  /** Of two-stage students: what the second stage trains on, of cascades a stage each, and what it says of it. */
  readonly regions?: readonly RegionSamples[];
  readonly weights: WeightChannel;
  readonly progress: Progress;
  /** This plugin's own random stream of this step: the same after a resume. */
  readonly rng: StepRng;
  /**
   * A scalar of the progress of training, e.g. a factor that falls: where the step is compiled, a number that a hook
   * computes from `progress` stays that of the first step, this one does not.
   */
  scalar(of: (progress: Progress) => number): tf.Scalar;
  /**
   * The same scalar, whose gradient reaches this plugin's own variables alone: for a term that trains a helper of the
   * plugin. In `lossCompose`.
   */
  ownOnly(term: tf.Scalar): tf.Scalar;
}

/** Named scalar loss terms, e.g. `{ feat }`; logged as `<plugin id>.<name>`. */
export type LossTerms = Readonly<Record<string, tf.Scalar>>;

/** One batch of a pass. Its tensors are freed when the next batch is asked for, and at the end of the pass. */
export interface PassBatch {
  /**
   * `boxes` of the batch holds, row by row, the annotations of the image that are not to `ignore`, in pixels of the
   * resized image.
   */
  readonly batch: HostBatch;
  /** [b, h, w, 3] */
  readonly images: tf.Tensor4D;
  readonly targets: Targets;
}

export interface PassBatchOptions {
  /** How images become network input. Default: the student's. */
  readonly input?: InputSpec;
  /** Default: that of the training. */
  readonly batchSize?: number;
  /** Models that `forward` will be called for; default both. A teacher with images of its own runs for itself alone. */
  readonly roles?: readonly Role[];
}

/**
 * What a `datasetPass` may do: read images of the training data with the frozen teacher and the student of this moment.
 */
export interface PassView {
  /** Epoch and steps done at this moment. */
  readonly epoch: number;
  readonly step: number;
  readonly student: Detector;
  readonly teacher: Detector;
  readonly categories: readonly Category[];
  /** The training data: sizes and annotations in pixels of the original image. No image is read for it. */
  readonly images: readonly ImageRecord[];
  /**
   * Images in batches, as in evaluation: resized and padded, no augmentation, none dropped. An image that cannot be
   * read ends the
   * pass, or is left out under `onBadImage: 'skip'`: `batch.ids` tells which are there.
   * @param indices places in `images`, in the order that is wanted; default all
   * @throws the reason of `signal` once it is aborted; let it through
   */
  batches(indices?: readonly number[], options?: PassBatchOptions): AsyncIterable<PassBatch>;
  /** A forward pass of either model as in evaluation, without a tape. Its tensors live as long as the batch. */
  forward(role: Role, images: tf.Tensor4D, taps: readonly TapInfo[]): DetectorOutput;
  /**
   * What does not change between refreshes, e.g. the teacher's features: made once, kept in the run folder under
   * `passes/<plugin id>/cache/`, and
   * read from there later and after a resume. It is made again when the teacher, the data, the student's input, the
   * seed or the options are others.
   * @param name a file name without its ending; several names may be kept
   */
  cached(name: string, make: () => Promise<NamedTensors>): Promise<NamedTensors>;
  /**
   * This plugin's own random stream, the same at every refresh: a draw that must differ takes `rng.stream(view.step)`.
   */
  readonly rng: Rng;
  /** Tells the listeners how far the pass is, e.g. in images. */
  progress(done: number, of: number): void;
  /**
   * Aborted when the run is to stop: `signal.throwIfAborted()` in long work between batches. The pass is then done
   * again after a resume.
   */
  readonly signal?: AbortSignal;
}

export interface DatasetPass {
  /**
   * Runs before the first step, and then once a period: a number of epochs (0 is once only; 0.5 is twice an epoch), or
   * of
   * steps.
   */
  readonly every: number | { readonly steps: number };
  /**
   * Outside of the tape. The result is written to the run folder, to `passes/<plugin id>/epoch-<n>` or `step-<n>`, so
   * that a resumed run does not
   * repeat it.
   */
  run(view: PassView): Promise<NamedTensors>;
  /** Takes a whole result, fresh or from the run folder. Until then the one before stays. */
  use(result: NamedTensors): void;
}

/** The hooks that `create` returns; all optional. */
export interface Hooks {
  /** declare: once, before the first step. */
  featureTap?(taps: TapRequests): void;
  /** sequence: a pass over the data set outside of the tape. */
  datasetPass?: DatasetPass;
  /**
   * collect, in the step, on the tape, of every plugin before any `lossCompose`: run heads, fill the weight channel.
   */
  headForward?(step: StepView): void;
  /** collect, in the step, on the tape: the terms of this plugin, already weighted by its options. */
  lossCompose?(step: StepView): LossTerms;
  /**
   * collect, in the step, after every `lossCompose`: scalars that are no loss but worth watching, logged as `<plugin
   * id>.<name>` beside the terms.
   */
  stats?(step: StepView): Readonly<Record<string, tf.Scalar>>;
  /** pure: a factor for all terms of this plugin. */
  schedule?(progress: Progress): number;
  /** What the plugin must carry across a resume besides its variables; a promise is waited for. */
  state?(): NamedTensors | Promise<NamedTensors>;
  restore?(state: NamedTensors): void;
  dispose?(): void;
  /**
   * Options whose default depends on the models or on other options, as they came out: a run records them, and they
   * have to be valid options again. Read after `featureTap`.
   */
  readonly settled?: Readonly<Record<string, unknown>>;
}

export interface VariableOptions {
  readonly trainable?: boolean;
  /** Factor of the learning rate; default 1. */
  readonly lr?: number;
  /** Decay of its own, else the optimiser's. */
  readonly weightDecay?: number;
}

/** What makes variables of a plugin: its scope, or a group with an optimiser of its own. */
export interface VariableMaker {
  /** A random stream of this plugin, e.g. for initial values. */
  readonly rng: Rng;
  /**
   * A variable of the plugin (an adapter's kernel): it joins the optimiser and the checkpoint and is not exported.
   * May be called in `create` and in `featureTap`.
   * @param initial its value; the scope takes it over
   */
  variable(name: string, initial: tf.Tensor, options?: VariableOptions): tf.Variable;
}

/** An optimiser of a plugin's own, with a constant rate; torch's defaults where it is silent. */
export type OwnOptimizer = OptimizerOptions & { readonly lr: number };

/** Classes that two models share, as places in their lists of classes; the two lists go together row by row. */
export interface ClassMatch {
  /** Both have the same classes in the same order, so that nothing has to be picked. */
  readonly same: boolean;
  /** In the student's order. */
  readonly student: readonly number[];
  readonly teacher: readonly number[];
}

/** What a plugin may use while it is created. It lives as long as the run. */
export interface PluginScope extends VariableMaker {
  /** Unique in the run: the plugin's name, or `as` of the config. Names its log terms, variables and state. */
  readonly id: string;
  readonly student: Detector;
  readonly teacher: Detector;
  /** Classes that both have, by name or by `classes` of the teacher in the config; see `sharedClasses`. */
  readonly classes: ClassMatch;
  readonly logger: Logger;
  /**
   * Makes variables that an optimiser of their own moves instead of the run's, at its own rate, which follows no
   * schedule.
   * @param options.clipNorm largest norm of their gradients together; the run's `clipNorm` does not count them
   */
  variables(options: { readonly optimizer: OwnOptimizer; readonly clipNorm?: number | null }): VariableMaker;
  /** A service of the run. */
  resolve<T>(token: Token<T>): T;
}

export interface PluginDefinition<Options = unknown> {
  readonly kind: 'distiller';
  readonly name: string;
  /** Version of the hook contract, not of the package. */
  readonly apiVersion: number;
  readonly options: StandardSchemaV1<unknown, Options>;
  /**
   * It reads predictions, and works on the classes that both models share (`sharedClasses`). Without it, a plugin that
   * requires more than features of the teacher is refused where the classes differ.
   */
  readonly otherClasses?: boolean;
  /**
   * For a method that teaches a student which is trained already: what is told, by a plan and at the start of a
   * training, where the student starts from its initial values, or from those of a pretrained backbone alone.
   */
  readonly untrained?: string;
  /** Capabilities that student and teacher must have, checked at registration. */
  readonly requires: { readonly student?: readonly string[]; readonly teacher?: readonly string[] };
  create(scope: PluginScope, options: Options): Hooks;
}
