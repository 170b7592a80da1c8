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
  };
  /** Keys of the tensors by the name of the input. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, Expectation>>;
}

export interface CrossCase {
  readonly id: string;
  readonly kind: 'cross_head';
  readonly file: string;
  readonly params: {
    readonly detector: 'retina' | 'fcos' | 'atss' | 'gfl';
    readonly idx: number;
    readonly groups: number;
    readonly channels: number;
    readonly classes: number;
    readonly strides: readonly number[];
    readonly image_hw: readonly [number, number];
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
  readonly level_hw: readonly (readonly [number, number])[];
  readonly avg_factor: number;
  readonly num_positive: number;
  readonly losses: Readonly<Record<string, { readonly per_level: readonly number[]; readonly total: number; readonly rtol: number }>>;
  readonly inputs: readonly string[];
  readonly expected: Readonly<Record<string, Expectation>>;
  readonly student_tensors_without_kd_gradient: readonly string[];
  readonly if_wrong: Readonly<Record<string, Readonly<Record<string, number>>>> | null;
}
