import { buildDenseHead, type DenseBranch, type DenseHead, type DenseHeadOptions } from '@kd/vision';

/** Probability that an anchor holds an object, at the start (Lin et al., 2017, section 4.1). */
const PRIOR_PROBABILITY = 0.01;

export interface HeadOptions extends Omit<DenseHeadOptions, 'detector' | 'branches'> {
  /** Anchors a place. */
  readonly anchors: number;
  readonly classes: number;
}

/**
 * RetinaNet's two towers and their prediction layers, `cls` and `reg`, under torchvision's names. Needs neither
 * backbone nor neck.
 */
export function buildRetinaHead({ anchors, classes, ...options }: HeadOptions): DenseHead {
  return buildDenseHead({ ...options, detector: 'retinanet', branches: retinaBranches(anchors, classes) });
}

export function retinaBranches(anchors: number, classes: number): Record<'cls' | 'reg', DenseBranch> {
  const block = (path: string) => (i: number) => ({
    conv: `${path}.conv.${i}.0`,
    norm: `${path}.conv.${i}.1`,
    tap: `${path}.conv.${i}.0`,
  });
  const [cls, reg] = ['head.classification_head', 'head.regression_head'];
  return {
    cls: {
      block: block(cls),
      outputs: {
        cls: {
          layer: `${cls}.cls_logits`,
          channels: anchors * classes,
          bias: -Math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY),
        },
      },
    },
    reg: { block: block(reg), outputs: { reg: { layer: `${reg}.bbox_reg`, channels: anchors * 4 } } },
  };
}
