/**
 * A class of objects. `id` is the id in the annotations (gaps are allowed); the label in the program is its index in
 * the list.
 */
export interface Category {
  readonly id: number;
  readonly name: string;
}

/** One object: `box` is [x1, y1, x2, y2] in pixels of the decoded, upright image, 0-based and continuous. */
export interface Annotation {
  readonly id: number;
  readonly box: readonly [number, number, number, number];
  /** Index into the data set's categories. */
  readonly label: number;
  /** Area in square pixels as the annotations state it, else width times height. */
  readonly area: number;
  /** Crowd (COCO) or difficult (VOC): an ignore region in evaluation, no target in training. */
  readonly ignore: boolean;
}

export interface ImageRecord {
  readonly id: number | string;
  /** Name of the file inside of the image folder, or a name made up by a data set without files. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly annotations: readonly Annotation[];
}

/** A data set that has been read: its annotations in memory, its images on demand through a loader. */
export interface Dataset {
  readonly name: string;
  readonly categories: readonly Category[];
  readonly images: readonly ImageRecord[];
  /** Files of images that are not there, looked for without reading them; a data set without files leaves it out. */
  missing?(): Promise<readonly string[]>;
  loader(options: LoaderOptions): Loader;
}

/** Something that can be opened as a data set: what `voc({…})`, `coco({…})` and `synthetic({…})` return. */
export interface DatasetSource {
  readonly name: string;
  /** What it was made from, as plain data: for the resolved config. */
  readonly spec: Readonly<Record<string, unknown>>;
  /**
   * `classes` are the names that labels are wanted for, in their order: those of the training data, or of the model. A
   * source without a list of its own takes them; one with the same names in another order puts its own in that order.
   * @throws KdError DATA_INVALID naming file and id
   */
  open(context: { readonly folder: string; readonly classes?: readonly string[] }): Promise<Dataset>;
}

/** How an image becomes network input: torchvision's rule (section 2 of its transform), or one fixed size. */
export interface InputSpec {
  /** Short side after resizing; in training one entry is drawn, in evaluation the last is taken. */
  readonly minSize: readonly number[];
  /** The long side is at most this. */
  readonly maxSize: number;
  /** [height, width]: stretch every image to this size instead. */
  readonly fixedSize: readonly [number, number] | null;
  /** Of the channels in the order that the network reads them, in units of `range`. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** What a full pixel counts in `mean` and `std`: 1 as in torchvision (the default), or 255 as in mmdetection. */
  readonly range?: 1 | 255;
  /** The order in which the network reads red, green and blue; default `rgb`. */
  readonly channels?: 'rgb' | 'bgr';
  /**
   * Whose resize. torchvision (the default) cuts sides to whole pixels and resizes normalised values; mmdetection
   * rounds sides, and the values of the resized picture, before they are normalised.
   */
  readonly resize?: 'torchvision' | 'mmdet';
  /** Height and width of a batch are padded to a multiple of this. */
  readonly sizeDivisible: number;
}

/** How an image becomes the input of a model of another family. */
export interface TeacherInput extends InputSpec {
  /** The order of its axes: [b, h, w, 3] (the default) or [b, 3, h, w]. */
  readonly layout?: 'nhwc' | 'nchw';
}

/** The images of a batch by one input rule, normalised, resized and padded. */
export interface PreparedImages {
  readonly data: Float32Array;
  /** [b, h, w, 3], or [b, 3, h, w] by the rule's `layout`. */
  readonly shape: readonly [number, number, number, number];
  /** Per image [height, width] after resizing, before padding. */
  readonly imageSizes: readonly (readonly [number, number])[];
}

/** One augmentation by name with its options, e.g. `{ name: 'flip', probability: 0.5 }`. */
export interface AugmentSpec {
  readonly name: string;
  readonly [option: string]: unknown;
}

export interface LoaderOptions {
  readonly input: InputSpec;
  readonly batchSize: number;
  readonly training: boolean;
  /** In training: a new order each epoch, from the seed. */
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  readonly seed: number;
  readonly augment: readonly AugmentSpec[];
  /** Worker threads that decode and augment; 0 works in this thread. */
  readonly workers: number;
  readonly onBadImage: 'error' | 'skip';
  /** Further rules that the same augmented images are prepared by, without their boxes: `HostBatch.extra`. */
  readonly extraInputs?: readonly TeacherInput[];
  /**
   * Pads batches to few sizes, at most so many where images are alike, so that a compiled step serves them all.
   * Default: each to its own images, as torchvision does.
   */
  readonly buckets?: number;
  /** Only these images (places in `images`), before shuffling in this order. Default: all. */
  readonly indices?: readonly number[];
}

/**
 * One batch as plain arrays: pixels normalised, resized and padded (section 2 of the transform), ground truth padded
 * with a mask.
 */
export interface HostBatch {
  /** [b, h, w, 3] float32, RGB unless the input's `channels` say BGR, padded with 0 at the right and the bottom. */
  readonly images: Float32Array;
  readonly shape: readonly [number, number, number, 3];
  /** [b, g, 4] x1 y1 x2 y2 in pixels of the resized image; padding rows are 0. */
  readonly boxes: Float32Array;
  /** [b, g] */
  readonly labels: Int32Array;
  /** [b, g]: 1 for a real box, 0 for padding. */
  readonly mask: Float32Array;
  /** g */
  readonly maxBoxes: number;
  /** Per image [height, width] after resizing, before padding. */
  readonly imageSizes: readonly (readonly [number, number])[];
  /** Per image [height, width] as decoded. */
  readonly originalSizes: readonly (readonly [number, number])[];
  /** Per image: the id in the annotations. */
  readonly ids: readonly (number | string)[];
  /** Per image: whether the augmentation `flip` mirrored it; left out where there is none. */
  readonly flipped?: readonly boolean[];
  /** The images by `LoaderOptions.extraInputs`, one for each. */
  readonly extra?: readonly PreparedImages[];
}

export interface LoaderStats {
  /** Time in milliseconds that the consumer stood waiting for a batch, since the start. */
  readonly waitedMs: number;
  /** Images left out under `onBadImage: 'skip'`, each file once, with the number of times and the reason. */
  readonly skipped: readonly { readonly file: string; readonly why: string; readonly times: number }[];
}

export interface Loader {
  /** Batches in an epoch. */
  readonly steps: number;
  /**
   * The batches of an epoch, in an order and with augmentations that depend on the seed, the epoch and the image alone:
   * an epoch started at batch `from` gives just what the whole epoch would have given there.
   */
  epoch(index: number, from?: number): AsyncIterable<HostBatch>;
  readonly stats: LoaderStats;
  /** [height, width] that batches are padded to, with `buckets`. */
  readonly paddedSizes?: readonly (readonly [number, number])[];
  /** The augmentations with every option filled in, for the record of a run. */
  readonly augment?: readonly AugmentSpec[];
  close(): Promise<void>;
}
