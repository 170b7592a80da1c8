import type { Checksum, TensorEntry } from '../detectors/index-file.js';

/** The parts of a case's `index.json` that the tests read. */
export interface MmdetIndex {
  readonly name: string;
  readonly detector: string;
  readonly config: {
    readonly num_classes: number;
    readonly scale: readonly [number, number];
    readonly backbone: unknown;
    readonly mmdet_model: unknown;
  };
  readonly robustness?: { readonly gradients: Readonly<Record<string, number>> };
  readonly weights: {
    readonly file: string;
    readonly frozen_parameters: readonly string[];
    readonly trainable_parameters: readonly string[];
  };
  readonly images: readonly ImageEntry[];
  readonly transform: {
    readonly batch_shape: readonly [number, number, number, number];
    readonly checksum: Checksum;
    /** First row and the one after the last of every plane that is stored. */
    readonly batch_rows?: readonly [number, number];
  };
  readonly fpn: readonly { readonly shape: readonly number[]; readonly checksum: Checksum; readonly tensor: string }[];
  readonly anchors?: PriorEntry;
  readonly points?: PriorEntry;
  /** These three are not there where a case is of the backbone alone. */
  readonly eval?: readonly { readonly detections: number }[];
  readonly train?: Readonly<Record<string, Scenario>>;
  readonly trajectory?: Trajectory;
  readonly tensors: { readonly file: string; readonly entries: Readonly<Record<string, TensorEntry>> };
}

export interface ImageEntry {
  /** [height, width] each */
  readonly ori_shape: readonly [number, number];
  readonly img_shape: readonly [number, number];
  readonly batch_input_shape: readonly [number, number];
  readonly scale_factor_wh: readonly [number, number];
  /** Before the resize. */
  readonly tensor?: string;
  readonly resized: string;
}

export interface PriorEntry {
  readonly tensor: string;
  readonly per_level: readonly number[];
  readonly strides: readonly number[];
}

export interface Sums {
  /** Levels added up. */
  readonly losses: Readonly<Record<string, number>>;
  readonly total: number;
}

export interface Scenario {
  readonly sums: Readonly<Record<string, number>>;
  readonly total: number;
  readonly boxes_per_image: readonly number[];
  readonly assignment: {
    readonly avg_factor?: number;
    readonly background_label: number;
    readonly positives: readonly number[];
  };
  readonly stages?: readonly { readonly rois: number; readonly positives: number }[];
  readonly grad_norms: Readonly<Record<string, number>>;
  readonly no_grad: readonly string[];
  readonly grad_tensors: readonly string[];
}

export interface Trajectory {
  readonly steps: number;
  readonly lr: number;
  readonly momentum: number;
  readonly weight_decay: number;
  readonly optimizer: string;
  readonly scenario: string;
  readonly steps_log: readonly Sums[];
  readonly after_last_step: Sums;
  readonly final_weight_norms: Readonly<Record<string, number>>;
  readonly final_tensors: readonly string[];
}
