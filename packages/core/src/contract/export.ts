import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { InputSpec } from './data.js';

/** A detector as others can run it: its network as a graph of layers, and as plain data what is done with its maps. */
export interface ExportedNetwork {
  /** [b, h, w, 3], normalised and padded */
  readonly images: SymbolicTensor;
  /** Stride of each level of the maps, finest first; a level is named by it, `p3` for stride 8. */
  readonly strides: readonly number[];
  /**
   * Maps of the dense head by name, a tensor a level, [b, h, w, c], as `predictions` holds them at inference: scale of
   * the level and activation included. Of two-stage detectors those of the region proposal network.
   */
  readonly maps: Readonly<Record<string, readonly SymbolicTensor[]>>;
  /**
   * How the maps become detections; null where a detector decodes by functions of its own, so that its maps alone can
   * be exported.
   */
  readonly detections: DenseDetections | TwoStageDetections | null;
  /** Of two-stage detectors. */
  readonly regions?: ExportedRegions;
}

/** What the second stage of a two-stage detector runs on. */
export interface ExportedRegions {
  /** The levels that regions are pooled from, finest first, [b, h, w, c]. */
  readonly levels: readonly SymbolicTensor[];
  /** The box heads, one a stage of a cascade. */
  readonly heads: readonly ExportedBoxHead[];
}

/** A box head as a graph of its own. */
export interface ExportedBoxHead {
  /** [n, s, s, c] */
  readonly pooled: SymbolicTensor;
  /** [n, k + 1], before softmax, the background first */
  readonly logits: SymbolicTensor;
  /** [n, (k + 1)·4], or [n, 4] where all classes share a box */
  readonly deltas: SymbolicTensor;
}

/**
 * Where the priors of a dense head lie. Rows go level by level, then y, x, cell; a cell's box is moved by x and y times
 * the stride, in float32.
 */
export interface PriorGrid {
  /** Boxes [x1, y1, x2, y2] of the cell x = y = 0 of each level. */
  readonly cells: readonly (readonly (readonly [number, number, number, number])[])[];
  /** [stride y, stride x] of each level; null: the whole quotient of the padded images and the level, each its own. */
  readonly strides: readonly (readonly [number, number])[] | null;
}

/** How the `reg` map of a prior becomes a box. */
export type BoxCode =
  | {
      /** x, y, width and height relative to the prior (Ren et al., 2015). */
      readonly code: 'delta';
      /** What the four codes are divided by. */
      readonly weights: readonly [number, number, number, number];
      /** Upper limit of the log of a ratio of sizes. */
      readonly clip: number;
      /** Its lower limit, where there is one. */
      readonly clipBelow?: number;
    }
  | {
      /** Distances left, top, right, bottom from the prior's centre. */
      readonly code: 'distance';
      /** In pixels, or in widths and heights of the prior. */
      readonly unit: 'pixels' | 'size';
    }
  | {
      /** The same as means of softmax distributions over 0 … bins - 1, in strides of the level (its stride in x). */
      readonly code: 'distribution';
      readonly bins: number;
    };

/** How the maps of a dense detector become detections. */
export interface DenseDetections {
  readonly kind: 'dense';
  /**
   * Names of the maps: class logits [b, h, w, a·k], box codes [b, h, w, a·4] (or ·bins), and logits of centerness or
   * another quality [b, h, w, a] where there is one.
   */
  readonly maps: { readonly cls: string; readonly reg: string; readonly quality?: string };
  /** k */
  readonly classes: number;
  /** a */
  readonly priorsPerCell: number;
  readonly priors: PriorGrid;
  readonly boxes: BoxCode;
  /**
   * torchvision: the score is the geometric mean of class and quality, and threshold and choice hold for it. mmdet:
   * they hold for the class, only then comes the product with the quality; boxes without area after clipping are
   * dropped.
   */
  readonly flavour: 'torchvision' | 'mmdet';
  readonly scoreThresh: number;
  readonly nmsThresh: number;
  readonly detectionsPerImg: number;
  /** Best pairs of prior and class of each level that go on. */
  readonly topkCandidates: number;
}

/** How the maps of a two-stage detector become detections. */
export interface TwoStageDetections {
  readonly kind: 'two-stage';
  readonly classes: number;
  /** The region proposal network. */
  readonly proposals: {
    readonly maps: { readonly cls: string; readonly reg: string };
    readonly priorsPerCell: number;
    readonly priors: PriorGrid;
    readonly boxes: BoxCode;
    /** Sides in pixels that a proposal must have; `inclusive`: at least, else more. */
    readonly minSize: number;
    readonly minSizeInclusive: boolean;
    /** Sigmoid of the objectness that a proposal has at least. */
    readonly scoreThresh: number;
    readonly nmsThresh: number;
    /** Best anchors of each level that go on. */
    readonly preNmsTopN: number;
    /** Proposals an image, of all levels. */
    readonly postNmsTopN: number;
  };
  /** RoIAlign. */
  readonly pooling: {
    /** Bins of a side. */
    readonly outputSize: number;
    /** Samples of a side of a bin; 0: as many as the bin has cells, rounded up. */
    readonly samplingRatio: number;
    /** Whether boxes are moved by half a cell. */
    readonly aligned: boolean;
    /** Strides of the levels; null: the powers of 2 nearest to the quotients of level and images (torchvision). */
    readonly strides: readonly number[] | null;
    /** A box of this size in pixels belongs to the level of stride 2^canonicalLevel. */
    readonly canonicalScale: number;
    readonly canonicalLevel: number;
  };
  /** One a box head; a cascade refines and clips boxes from one to the next and takes the mean of the logits. */
  readonly stages: readonly {
    readonly boxes: BoxCode & { readonly code: 'delta' };
    /** All classes share a box. */
    readonly classAgnostic: boolean;
  }[];
  readonly scoreThresh: number;
  readonly nmsThresh: number;
  readonly detectionsPerImg: number;
  /** A side in pixels below which a detection is dropped. */
  readonly minSide?: number;
}

/** What an exported file says of itself, as JSON under the key `kd`. */
export interface ExportedModel {
  readonly format: 1;
  /** Name of the detector, `gfl`. */
  readonly detector: string;
  /** The label i is classes[i]. */
  readonly classes: readonly string[];
  readonly input: {
    readonly layout: 'nhwc' | 'nchw';
    readonly dtype: 'float32' | 'uint8';
    /** [height, width]; null: any multiples of the rule's `sizeDivisible`. */
    readonly size: readonly [number, number] | null;
    /** null: any */
    readonly batch: number | null;
    /**
     * The rule that images are resized by. Mean, std and the order of channels are in the graph: it takes RGB from 0 to
     * 255.
     */
    readonly rule: InputSpec;
  };
  readonly outputs: 'detections' | 'maps';
  /** Of the levels, finest first. */
  readonly strides: readonly number[];
  /** With `maps`: how they become detections; without it they are for a program that knows the detector. */
  readonly post?: DenseDetections | TwoStageDetections;
  /** Of the run, where they are known, by name: `{ AP: 0.46 }`. */
  readonly metrics?: Readonly<Record<string, number>>;
}
