/** A tensor that a case expects, or the key of it. */
export interface Expectation {
  readonly tensor?: string;
  readonly value?: number;
  readonly atol: number;
}

export interface UnitCase {
  readonly id: string;
  readonly kind: 'unit';
  readonly file: string;
  readonly params: {
    readonly beta?: number;
    readonly temperature?: number;
    readonly class_reduction?: 'sum' | 'mean';
    readonly avg_factor?: number | null;
    readonly loss_weight?: number;
    readonly eps?: number;
    readonly stds?: readonly number[];
    readonly max_log_ratio?: number;
    readonly means?: readonly number[];
  };
  /** Keys of the tensors by the name of the input. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, Expectation>>;
}

/** The head of the student or of the teacher. */
export type Role = 'stu' | 'tea';

export interface CrossCase {
  readonly id: string;
  readonly kind: 'cross_head';
  readonly file: string;
  readonly params: {
    readonly detector: 'retina' | 'fcos' | 'atss' | 'gfl';
    /** Finished blocks at the tap. */
    readonly idx: number;
    readonly groups: number;
    readonly conv_bias: boolean;
    readonly channels: number;
    readonly classes: number;
    readonly strides: number[];
    readonly ratios: number[];
    readonly octave_base: number;
    readonly octaves: number;
    /** FCOS: sizes of box that each level answers for. */
    readonly ranges: [number, number][] | null;
    readonly image_hw: readonly [number, number];
    /** [height, width] of each image, padded by itself */
    readonly pad_hw: readonly (readonly [number, number])[];
    readonly anchors_per_loc: number;
    readonly stacked_stu: number;
    readonly stacked_tea: number;
    readonly reg_max: number;
    readonly norm_on_bbox: boolean;
    readonly centerness_on_reg: boolean;
    readonly stds: readonly [number, number, number, number] | null;
    readonly beta: number;
    readonly temperature?: number;
    readonly cls_weight: number;
    readonly reg_weight: number;
    readonly ctr_weight: number | null;
    readonly pkd_weight: number | null;
  };
  readonly kd_total: number;
  readonly gt: readonly { readonly boxes: number[][]; readonly labels: number[] }[];
  readonly level_hw: readonly (readonly [number, number])[];
  readonly avg_factor: number;
  readonly num_positive: number;
  readonly ignored_priors: number;
  readonly losses: Readonly<
    Record<string, { readonly per_level: readonly number[]; readonly total: number; readonly rtol: number }>
  >;
  readonly inputs: readonly string[];
  readonly expected: Readonly<Record<string, { readonly shape: readonly number[]; readonly atol: number }>>;
  readonly student_tensors_without_kd_gradient: readonly string[];
  readonly if_wrong: Readonly<Record<string, Readonly<Record<string, number>>>> | null;
}
