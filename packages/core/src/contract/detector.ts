import type { StandardSchemaV1 } from '@standard-schema/spec';
import type * as tf from '@tensorflow/tfjs-core';
import type { BackboneDefinition } from './backbone.js';
import type { StoredSettings } from './checkpoint.js';
import type { Category, HostBatch, InputSpec } from './data.js';
import type { ExportedNetwork } from './export.js';
import type { ImageDetections } from './metric.js';
import type { StepRng } from './step-rng.js';

/**
 * A variable of a detector. Its identity is role + path (`student/backbone.body.conv1/kernel`), never `variable.name`.
 */
export interface DetectorVariable {
  /** `<layer path>/<weight>`: kernel, bias, gamma, beta, moving_mean, moving_variance. */
  readonly path: string;
  readonly variable: tf.Variable;
  /** False for frozen layers and for running statistics. */
  readonly trainable: boolean;
}

/** A feature that can be read: `neck@p3`, `backbone.body.layer2`, `head.classification_head.conv.3.0@p4`. */
export interface TapInfo {
  readonly name: string;
  /** Pixels of the input per cell. */
  readonly stride: number;
  readonly channels: number;
}

/** Dense head outputs per level, finest first, before activation: `cls` [b, h, w, a·k], `reg` [b, h, w, a·4], … */
export type Predictions = Readonly<Record<string, readonly tf.Tensor4D[]>>;

/** A new value for a running statistic: an output of the step, stored after it. */
export interface VariableUpdate {
  readonly variable: tf.Variable;
  readonly value: tf.Tensor;
}

/**
 * What a forward pass gives. The teacher's is handed on as an object that inherits from it: tell it by its properties,
 * not by its identity.
 */
export interface DetectorOutput {
  /** The requested taps, by name, [b, h, w, c]. */
  readonly taps: Readonly<Record<string, tf.Tensor4D>>;
  /** What the head reads, finest level first, [b, h, w, c]. */
  readonly levels: readonly tf.Tensor4D[];
  readonly predictions: Predictions;
  /** Empty unless `training`. */
  readonly updates: readonly VariableUpdate[];
}

export interface ForwardOptions {
  /** Batch norm uses and updates batch statistics where it is live. */
  readonly training: boolean;
  /** Names of taps that the caller wants; the others cost nothing. */
  readonly taps?: readonly string[];
  /**
   * The caller may read no `predictions`, or some of them: outside of training they may be computed when they are first
   * read, all or by name. A getter of one map then replaces itself, and what it computed besides, by values. A detector
   * that always computes them is right as well, only slower beside methods that compare features or classes alone.
   */
  readonly lazy?: boolean;
}

/**
 * [height, width] of each image, resized, before padding: of the host, or [b, 2] on the device as in a step, so that a
 * compiled step serves batches of other images; `sizesOnDevice` makes the second of the first.
 */
export type ImageSizes = HostBatch['imageSizes'] | tf.Tensor2D;

/** Ground truth of a batch, padded with a mask, on the device. */
export interface Targets {
  /** [b, g, 4] in pixels of the resized image */
  readonly boxes: tf.Tensor3D;
  /** [b, g] int32 */
  readonly labels: tf.Tensor2D;
  /** [b, g] float32, 1 for a real box */
  readonly mask: tf.Tensor2D;
  readonly imageSizes: ImageSizes;
  /** [height, width] of the padded batch */
  readonly paddedSize: readonly [number, number];
  readonly ids: HostBatch['ids'];
}

/** Anchors (or points as boxes) of a batch: the same for every image of it. */
export interface Priors {
  /** [a, 4] x1 y1 x2 y2; levels one after the other, then y, x, cell anchor */
  readonly boxes: tf.Tensor2D;
  readonly perLevel: readonly number[];
  /** [stride y, stride x] per level */
  readonly strides: readonly (readonly [number, number])[];
}

/** Which prior answers for which object. Computed once a step, shared by the detector and by every plugin. */
export interface Assignment {
  /** [b, a] int32: index of the ground truth, -1 background, -2 ignored */
  readonly matched: tf.Tensor2D;
  /** [b] float32: positives of each image */
  readonly positives: tf.Tensor1D;
  /** [b, a] float32: centerness target of the positives, 0 elsewhere; of detectors that predict it */
  readonly centerness?: tf.Tensor2D;
}

/** How the maps of a dense head are read: what a method that compares two heads has to know, and to check. */
export interface DenseInfo {
  /**
   * `delta`: 4 offsets to an anchor; `distance`: left, top, right, bottom of a point; `distribution`: the same as
   * `bins` logits a side. The unit
   * of distances is the detector's own, pixels or sizes of the level: only `decode` knows it, so go through that.
   */
  readonly boxes: 'delta' | 'distance' | 'distribution';
  readonly bins?: number;
  /**
   * What the map named `centerness` tells, where there is one: how central a positive lies (the default), whether there
   * is an object at all, trained in every cell, or the IoU that the box of a positive will have.
   */
  readonly quality?: 'centerness' | 'objectness' | 'iou';
  /** Priors a cell, the `a` of `cls` [b, h, w, a·k]. */
  readonly priorsPerCell: number;
  /**
   * Everything that priors and coder depend on, as plain data: two detectors decode alike exactly when this is equal.
   */
  readonly coding: unknown;
}

/**
 * One table of the positive instances of a batch: the priors (of two-stage detectors: the sampled regions) that answer
 * for an object, an image a row, in
 * their order, then rows off the mask. Every tensor about instances shares these rows; none has a gradient.
 */
export interface Instances {
  /** [b, n] float32: 1 where the row holds an instance */
  readonly mask: tf.Tensor2D;
  /** [b, n] int32: index of the prior or region, 0 where there is none */
  readonly rows: tf.Tensor2D;
  /** [b, n, 4] the instance's own box, that is its prior or region, 0 where there is none */
  readonly boxes: tf.Tensor3D;
  /** [b, n] int32: index of the matched ground truth, -1 where there is none */
  readonly matched: tf.Tensor2D;
  /** [b, n, 4] matched ground-truth box, 0 where there is none */
  readonly targetBoxes: tf.Tensor3D;
  /** [b, n] int32 label of the matched ground truth, 0 where there is none: read it through the mask */
  readonly labels: tf.Tensor2D;
}

/**
 * Boxes that the second stage of a two-stage detector trains on: a fixed number an image. No gradient flows into them.
 */
export interface Regions {
  /** [b, n, 4] proposals and ground truth, in pixels of the resized image; rows without a sample hold any finite box */
  readonly boxes: tf.Tensor3D;
  /** [b, n] int32: index of the matched ground truth, -1 background, -2 no sample */
  readonly matched: tf.Tensor2D;
  /** The sampler takes at most so many positives an image. */
  readonly maxPositives: number;
  /** [b, a] float32: 1 where the prior is in the sample that the first stage trains on */
  readonly sampledPriors: tf.Tensor2D;
}

/** What a second stage makes of boxes. */
export interface RegionOutput {
  /** [b, n, s, s, c] pooled features (RoIAlign), as the box head reads them */
  readonly features: tf.Tensor5D;
  /** [b, n] int32: index of the level that a box was pooled from, the finest is 0 */
  readonly levels: tf.Tensor2D;
  /** [b, n, k + 1] before softmax */
  readonly logits: tf.Tensor3D;
  /** [b, n, (k + 1)·4] */
  readonly deltas: tf.Tensor3D;
}

/** The second stage of a two-stage detector. */
export interface SecondStage {
  /** Index of the background in the logits: 0 shifts the labels by one. */
  readonly background: number;
  /** Its box heads as a head that can be cut, of detectors with the capability `head.staged`. */
  readonly head?: RegionHead;
  /**
   * The samples of a training step: of the priors for the first stage, and of the model's own proposals and the ground
   * truth for the second.
   */
  sample(output: DetectorOutput, priors: Priors, assignment: Assignment, targets: Targets, rng: StepRng): Regions;
  /**
   * Pools and classifies boxes [b, n, 4] in pixels of the resized images. The gradient flows into features and head,
   * not into the boxes.
   * @param mask [b, n] float32: 0 for rows that only fill up a fixed number; live batch norm does not count them.
   *   Without it all rows count.
   */
  run(output: DetectorOutput, boxes: tf.Tensor3D, imageSizes: ImageSizes, mask?: tf.Tensor2D): RegionOutput;
  /** Of cascades: what the stages after the first train on and say of it. @param first what the first one does */
  later?(output: DetectorOutput, targets: Targets, first: RegionStep): readonly RegionSamples[];
}

/** What one box head trains on, and what it says of it. */
export interface RegionSamples {
  readonly regions: Pick<Regions, 'boxes' | 'matched'>;
  readonly output: RegionOutput;
}

/** The student's second stage in a step: computed once, shared by the detector and by every plugin. */
export interface RegionStep extends RegionSamples {
  readonly regions: Regions;
  /** Of cascades: the stages after the first. */
  readonly later?: readonly RegionSamples[];
}

/** Where a tap is in the towers of a head. */
export interface TapPlace {
  readonly branch: string;
  /** Index of the level, the finest is 0. */
  readonly level: number;
  /** Index of the block, the first is 0. */
  readonly block: number;
}

/** A head that can be cut: branches of a fixed depth of blocks that run at every level, then the prediction layers. */
export interface StagedHead {
  /** e.g. `cls`, `reg` */
  readonly branches: readonly string[];
  /** Number of tower blocks of a branch; `to: depth + 1` includes the prediction layers. */
  depth(branch: string): number;
  /**
   * Applies blocks `from` (default 0) up to, not including, `to` (default: through the predictions) to `x` [b, h, w, c]
   * of level `level`. Returns `{ feature }` when it stops inside the tower, else the named maps of the branch as
   * inference reads
   * them (scale of the level and activation included), e.g. `{ reg, centerness }`.
   */
  run(
    branch: string,
    x: tf.Tensor4D,
    options: { readonly level: number; readonly from?: number; readonly to?: number },
  ): Readonly<Record<string, tf.Tensor4D>>;
  /**
   * The block whose output the tap of this name is, the first being 0; undefined for taps outside of the towers. A head
   * without it works
   * as well: whoever wants a feature of a tower runs the blocks a second time.
   */
  locate?(tap: string): TapPlace | undefined;
  /** Block `block` (the first is 0) of a tower on its input `x` [b, h, w, c], without the ReLU at its end. */
  preActivation?(branch: string, x: tf.Tensor4D, block: number): tf.Tensor4D;
}

/**
 * The box heads of a second stage as a head with the one branch `box`: pooled features [r, s, s, c] of r regions,
 * through blocks, to the maps `logits` [r, 1, 1, k + 1] and `deltas` [r, 1, 1, (k + 1)·4], or four where they have no
 * class. Behind a linear layer a feature is [r, 1, 1, units]. The `level` of a run is the stage of the cascade, else 0.
 */
export interface RegionHead extends StagedHead {
  /** The stages of the cascade; a single one without. */
  readonly stages: readonly {
    /** What its losses count. */
    readonly weight: number;
  }[];
  /** [s, s, c] of the pooled features, the same for all stages. */
  readonly pooled: readonly [number, number, number];
  /**
   * As of any staged head. With `training`, live batch norm takes the statistics of the rows, as in a step, and keeps
   * no running ones.
   * @param options.mask [r] float32: rows that such statistics count
   */
  run(
    branch: string,
    x: tf.Tensor4D,
    options: {
      readonly level: number;
      readonly from?: number;
      readonly to?: number;
      readonly training?: boolean;
      readonly mask?: tf.Tensor1D;
    },
  ): Readonly<Record<string, tf.Tensor4D>>;
}

/** A dense head as a whole: how it runs in pieces, and how its maps are read. */
export interface DenseStage {
  readonly head: StagedHead;
  readonly dense: DenseInfo;
}

/** `detect` in two parts: what comes before its values are read, and after. */
export interface Detection {
  /**
   * Computes with tensors alone, and reads no values: compiled together with `forward` where the engine can. To be
   * called inside of a tidy.
   */
  compute(output: DetectorOutput, batch: Pick<Targets, 'imageSizes' | 'paddedSize'>): DetectionTensors;
  /** Reads them, and disposes nothing. */
  select(
    tensors: DetectionTensors,
    sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>,
  ): Promise<ImageDetections[]>;
}

export type DetectionTensors = Readonly<Record<string, tf.Tensor | readonly tf.Tensor[]>>;

/** A detector: networks, assigner, losses and post-processing behind one interface. */
export interface Detector {
  readonly name: string;
  /** Its options with what follows from others worked in: a run records what the schema of the options knows. */
  readonly config?: object;
  /**
   * What the detector can do for plugins, e.g. `dense`, `roi.align`; `head.staged`: its head can be cut, which is
   * `head`, of two-stage detectors that of `secondStage`.
   */
  readonly capabilities: ReadonlySet<string>;
  readonly categories: readonly Category[];
  readonly input: InputSpec;
  readonly taps: readonly TapInfo[];
  /** Every variable once, in a fixed order. */
  readonly variables: readonly DetectorVariable[];
  readonly head?: StagedHead;
  /** Of dense detectors. */
  readonly dense?: DenseInfo;
  /**
   * The region proposal network of a two-stage detector as a dense head with one class, the object. Its maps are the
   * dense `predictions`; where both come out of one tower, its one branch is `rpn`.
   */
  readonly firstStage?: DenseStage;
  /**
   * Of two-stage detectors, which have the capability `roi.align`. `priors`, `assign` and the dense `predictions` are
   * those of the RPN.
   */
  readonly secondStage?: SecondStage;

  /** @param images [b, h, w, 3], normalised and padded */
  forward(images: tf.Tensor4D, options: ForwardOptions): DetectorOutput;
  /**
   * To be called inside of a tidy: nobody disposes them by hand.
   */
  priors(output: DetectorOutput, paddedSize: readonly [number, number]): Priors;
  /** Boxes [b, a, 4] from codes as the head predicts them, [b, a, 4] or [b, a, 4·bins] */
  decode(codes: tf.Tensor3D, priors: Priors): tf.Tensor3D;
  assign(priors: Priors, targets: Targets): Assignment;
  /**
   * Named scalar losses, weighted: the detection loss is their plain sum.
   * @param second of two-stage detectors
   */
  terms(
    output: DetectorOutput,
    priors: Priors,
    assignment: Assignment,
    targets: Targets,
    second?: RegionStep,
  ): Readonly<Record<string, tf.Scalar>>;
  /** Final detections per image in pixels of the original image, by descending score. */
  detect(
    output: DetectorOutput,
    sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids' | 'shape'>,
  ): Promise<ImageDetections[]>;
  /**
   * The parts of `detect`, where it has them: `detectInParts` gives both. Without, batches run op by op. Outputs of
   * such a detector are what `DetectorOutput` says and no more.
   */
  readonly detection?: Detection;
  /** The network at inference as a graph that `@kd/export` writes for other programs; a detector may lack it. */
  exported?(): ExportedNetwork;
  dispose(): void;
}

export interface DetectorContext {
  readonly categories: readonly Category[];
  /** Seed of the initial weights. */
  readonly seed: number;
  /** The engine's door to native ops, where it has one: for fused kernels. */
  readonly runOp?: import('./engine.js').Engine['runOp'];
}

export interface DetectorDefinition<Options = unknown> {
  readonly kind: 'detector';
  readonly name: string;
  readonly apiVersion: number;
  /** Schema of the options, any Standard Schema. */
  readonly options: StandardSchemaV1<unknown, Options>;
  /**
   * Given, the option `backbone` takes any backbone: these by their names, those of packages by theirs, `['name', {
   * options }]`, or what `defineBackbone` returns. The schema sees the last one only: names become it before.
   */
  readonly backbones?: readonly BackboneDefinition[];
  /**
   * Given, options take over what a file of another program says of input and backbone, where nobody else says it.
   * @param options as they are written, backbones resolved
   */
  readonly withStored?: (options: unknown, settings: StoredSettings) => WithStored;
  create(options: Options, context: DetectorContext): Detector;
}

/** Options with what a file says. */
export interface WithStored {
  readonly options: unknown;
  /** What was taken over, in words: `input.channels "bgr"`. */
  readonly taken: readonly string[];
  /** Where options say another thing than the file, and what neither says. */
  readonly doubts: readonly string[];
}
