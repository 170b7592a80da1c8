/** How an image becomes the input of the network: the run's own rule, as its configuration says it. */
export interface InputRule {
  /** Short side after resizing: the last entry counts. */
  readonly minSize: readonly number[];
  /** The long side is at most this. */
  readonly maxSize: number;
  /** [height, width]: every image is stretched to this size instead. */
  readonly fixedSize: readonly [number, number] | null;
  /** Of the channels in the order that the network reads them, in units of `range`. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** What a full pixel counts in `mean` and `std`; default 1. */
  readonly range?: 1 | 255;
  /** The order in which the network reads red, green and blue; default `rgb`. */
  readonly channels?: 'rgb' | 'bgr';
  /** torchvision (the default) cuts sides to whole pixels; mmdetection rounds them, and the resized values. */
  readonly resize?: 'torchvision' | 'mmdet';
  /** Height and width are padded to a multiple of this. */
  readonly sizeDivisible: number;
}

/** Where the priors of a dense head lie. */
export interface PriorGrid {
  /** Boxes [x1, y1, x2, y2] of the cell x = y = 0 of each level. */
  readonly cells: readonly (readonly (readonly [number, number, number, number])[])[];
  /** [stride y, stride x] of each level; null: the whole quotient of the padded image and the level. */
  readonly strides: readonly (readonly [number, number])[] | null;
}

/** How the `reg` map of a prior becomes a box. */
export type BoxCode =
  | {
      readonly code: 'delta';
      /** What the four codes are divided by. */
      readonly weights: readonly [number, number, number, number];
      /** Limits of the log of a ratio of sizes. */
      readonly clip: number;
      readonly clipBelow?: number;
    }
  | { readonly code: 'distance'; readonly unit: 'pixels' | 'size' }
  | { readonly code: 'distribution'; readonly bins: number };

/** How the maps of a one-stage detector become detections. */
export interface DenseDetections {
  readonly kind: 'dense';
  readonly maps: { readonly cls: string; readonly reg: string; readonly quality?: string };
  readonly classes: number;
  readonly priorsPerCell: number;
  readonly priors: PriorGrid;
  readonly boxes: BoxCode;
  /** What the score is, and of what threshold and choice hold. */
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
    readonly scoreThresh: number;
    readonly nmsThresh: number;
    /** Best anchors of each level that go on. */
    readonly preNmsTopN: number;
    /** Proposals of all levels. */
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
    /** Strides of the levels; null: the powers of 2 nearest to the quotients of level and image. */
    readonly strides: readonly number[] | null;
    /** A box of this size in pixels belongs to the level of stride 2^canonicalLevel. */
    readonly canonicalScale: number;
    readonly canonicalLevel: number;
  };
  /** One a box head. */
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
    readonly rule: InputRule;
  };
  readonly outputs: 'detections' | 'maps';
  /** Of the levels, finest first. */
  readonly strides: readonly number[];
  /** With `maps`: how they become detections. */
  readonly post?: DenseDetections | TwoStageDetections;
  /** Of the run, where they are known, by name: `{ AP: 0.46 }`. */
  readonly metrics?: Readonly<Record<string, number>>;
}
