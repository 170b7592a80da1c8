import { buildDenseHead, type DenseBranch, type DenseHead, type DenseHeadOptions, type DenseOutput } from '@kd/vision';

/** Probability that an anchor holds an object, at the start (Lin et al., Focal Loss, 2017, section 4.1). */
const PRIOR_PROBABILITY = 0.01;

type Branches = Readonly<Record<'cls' | 'reg', DenseBranch>>;

export interface AtssHeadOptions extends Omit<DenseHeadOptions, 'detector' | 'branches'> {
  readonly classes: number;
}

export interface GflHeadOptions extends AtssHeadOptions {
  /** Largest distance from the centre to a side, in strides: a side has `regMax + 1` bins. */
  readonly regMax: number;
}

/** ATSS' towers: `cls` predicts the classes, `reg` the box and its centerness. Needs neither backbone nor neck. */
export function buildAtssHead({ classes, ...options }: AtssHeadOptions): DenseHead {
  return buildDenseHead({ ...options, detector: 'atss', branches: atssBranches(classes) });
}

/**
 * GFL's towers: `cls` predicts the quality of each class, `reg` the distributions of the four distances. Needs neither
 * backbone nor neck.
 */
export function buildGflHead({ classes, regMax, ...options }: GflHeadOptions): DenseHead {
  return buildDenseHead({ ...options, detector: 'gfl', branches: gflBranches(classes, regMax) });
}

export const atssBranches = (classes: number): Branches =>
  branches(classes, 4, { centerness: { layer: `${REGRESSION}.bbox_ctrness`, channels: 1 } });

export const gflBranches = (classes: number, regMax: number): Branches => branches(classes, 4 * (regMax + 1), {});

const CLASSIFICATION = 'head.classification_head';
const REGRESSION = 'head.regression_head';

function branches(classes: number, codes: number, beside: Readonly<Record<string, DenseOutput>>): Branches {
  const block = (path: string) => (i: number) => ({
    conv: `${path}.conv.${i}.0`,
    norm: `${path}.conv.${i}.1`,
    tap: `${path}.conv.${i}.0`,
  });
  return {
    cls: {
      block: block(CLASSIFICATION),
      outputs: {
        cls: {
          layer: `${CLASSIFICATION}.cls_logits`,
          channels: classes,
          bias: -Math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY),
        },
      },
    },
    reg: {
      block: block(REGRESSION),
      outputs: { reg: { layer: `${REGRESSION}.bbox_reg`, channels: codes, scales: `${REGRESSION}.scales` }, ...beside },
    },
  };
}
