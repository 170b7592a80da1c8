import type { TensorInfo } from '../support/index.js';

/** The parts of a detector case's `index.json` that the tests read. */
export interface DetectorIndex {
  readonly name: string;
  readonly detector: string;
  readonly layout: string;
  readonly config: CaseConfig;
  readonly robustness: { readonly gradients: Readonly<Record<string, number>> };
  readonly weights: {
    readonly file: string;
    readonly tensors: number;
    readonly elements: number;
    readonly buffers: readonly string[];
    readonly frozen_parameters: readonly string[];
    readonly trainable_parameters: readonly string[];
  };
  readonly images: readonly { readonly tensor: string; readonly height: number; readonly width: number }[];
  readonly transform: {
    readonly batch_shape: readonly number[];
    readonly resized_sizes_hw: readonly (readonly number[])[];
    readonly checksum: Checksum;
  };
  readonly body: Readonly<Record<string, FeatureEntry>>;
  readonly fpn: Readonly<Record<string, FeatureEntry>>;
  readonly anchors: {
    readonly tensor: string;
    readonly per_level: readonly number[];
    readonly strides_hw: readonly (readonly number[])[];
    /** Of the cell at the origin, by level. */
    readonly cell_anchors: readonly (readonly (readonly number[])[])[];
    readonly first: readonly (readonly number[])[];
    readonly last: readonly (readonly number[])[];
    readonly checksum: Checksum;
  };
  readonly eval: readonly {
    readonly detections: number;
    readonly labels: readonly number[];
    readonly scores: readonly number[];
  }[];
  readonly train: Readonly<Record<string, Scenario>>;
  readonly trajectory: Trajectory;
  readonly tensors: { readonly file: string; readonly entries: Readonly<Record<string, TensorEntry>> };
}

export interface CaseConfig {
  readonly backbone: {
    readonly block: 'basic' | 'bottleneck';
    readonly layers: number[];
    readonly width: number;
    readonly norm: string;
    readonly trainable_layers: number;
    readonly eps?: number;
  };
  readonly fpn: {
    readonly returned_layers: number[];
    readonly out_channels: number;
    readonly extra: string;
    readonly norm?: string;
  };
  readonly head?: {
    readonly gn_groups?: number;
    readonly num_convs?: number;
    /** Of two-stage detectors. */
    readonly box_head?: string;
    readonly box_convs?: number[];
    readonly representation_size?: number;
    readonly rpn_conv_depth?: number;
    /** Repeated among the values in force. */
    readonly sampling_ratio?: number;
    readonly canonical_scale?: number;
    readonly canonical_level?: number;
    readonly box_loss?: string;
  };
  readonly anchors: { readonly sizes: number[][]; readonly ratios: number[][] };
  readonly num_classes: number;
  readonly transform: {
    readonly min_size: number[];
    readonly max_size: number;
    readonly image_mean: [number, number, number];
    readonly image_std: [number, number, number];
    readonly size_divisible: number;
  };
  readonly bn_mode: string;
  /** What other parts of the index hold as well. */
  readonly images: readonly (readonly number[])[];
  readonly scenarios: Readonly<Record<string, readonly number[]>>;
  readonly sampling?: Readonly<Record<string, { readonly rpn: readonly number[]; readonly roi: readonly number[] }>>;
  readonly trajectory: Readonly<Record<string, number>>;
  readonly model_kwargs?: Readonly<Record<string, unknown>>;
  readonly labels_from?: number;
  readonly post: {
    readonly score_thresh: number;
    readonly nms_thresh: number;
    readonly detections_per_img: number;
    readonly topk_candidates: number;
  };
  /** Of detectors with anchors. */
  readonly matcher?: { readonly high: number; readonly low: number; readonly low_quality: boolean };
  readonly box_loss?: string;
  /** Of FCOS. */
  readonly center_sampling_radius?: number;
  /** Of two-stage detectors. */
  readonly rpn?: {
    readonly pre_nms_top_n: PerMode;
    readonly post_nms_top_n: PerMode;
    readonly nms_thresh: number;
    readonly score_thresh: number;
    readonly min_size: number;
    readonly fg_iou_thresh: number;
    readonly bg_iou_thresh: number;
  };
  readonly roi?: {
    readonly score_thresh: number;
    readonly nms_thresh: number;
    readonly detections_per_img: number;
    readonly fg_iou_thresh: number;
    readonly bg_iou_thresh: number;
    readonly bbox_reg_weights: [number, number, number, number];
    readonly pool_output_size: readonly number[];
    readonly pool_sampling_ratio: number;
    readonly pool_aligned: boolean;
    readonly canonical_scale: number;
    readonly canonical_level: number;
  };
}

interface PerMode {
  readonly training: number;
  readonly testing: number;
}

/** How a scenario of a two-stage detector samples; `recorded` draws are to be injected. */
export interface Sampling {
  readonly rpn_batch_size_per_image: number;
  readonly rpn_positive_fraction: number;
  readonly roi_batch_size_per_image: number;
  readonly roi_positive_fraction: number;
  readonly kind: string;
}

export interface Checksum {
  readonly count: number;
  readonly sum: number;
  readonly abs_sum: number;
  readonly sq_sum: number;
  readonly cos_sum: number;
}

export interface FeatureEntry {
  readonly shape: readonly number[];
  readonly checksum: Checksum;
  readonly tensor: string;
}

export interface TensorEntry extends TensorInfo {
  readonly shape: readonly number[];
  /** The tensor is the first values of a larger one, flat. */
  readonly head_only?: boolean;
}

export interface Losses {
  readonly losses: Readonly<Record<string, number>>;
  readonly total: number;
}

export interface Scenario extends Losses {
  readonly losses_f64: Readonly<Record<string, number>>;
  readonly total_f64: number;
  readonly grad_norm_total: number;
  readonly boxes_per_image: readonly number[];
  readonly positives: readonly number[];
  readonly ignored: readonly number[];
  /** Of two-stage detectors. */
  readonly sampling?: Sampling;
  readonly counts?: Readonly<Record<string, Counts>>;
  readonly head_checksums: Readonly<Record<string, Checksum>>;
  readonly grad_norms: Readonly<Record<string, number>>;
  readonly no_grad: readonly string[];
  readonly grad_tensors: readonly string[];
}

/** Anchors and regions of an image, by what becomes of them. */
export interface Counts {
  readonly rpn_pos: number;
  readonly rpn_neg: number;
  readonly rpn_ignored: number;
  readonly rpn_sampled_pos: number;
  readonly rpn_sampled_neg: number;
  readonly proposals: number;
  readonly roi_sampled: number;
  readonly roi_sampled_pos: number;
}

export interface Trajectory {
  readonly steps: number;
  readonly lr: number;
  readonly momentum: number;
  readonly weight_decay: number;
  readonly optimizer: string;
  readonly bn_mode: string;
  readonly scenario: string;
  readonly steps_log: readonly Losses[];
  readonly steps_log_f64_total: readonly number[];
  readonly after_last_step: Losses;
  readonly final_weight_norms: Readonly<Record<string, number>>;
  readonly final_tensors: readonly string[];
  readonly final_buffers?: readonly string[];
}
