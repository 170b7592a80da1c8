import { buildDenseHead, type DenseBranch, type DenseHead, type DenseHeadOptions, type DenseOutput } from '@kd/vision';
import type { FcosConfig, Flavour } from './options.js';

/** Probability that a point lies in an object, at the start (Lin et al., 2017, section 4.1). */
const PRIOR_PROBABILITY = 0.01;

export interface HeadOptions
  extends Omit<DenseHeadOptions, 'detector' | 'branches'>,
    Pick<FcosConfig['head'], 'centerness' | 'normOnBbox'> {
  readonly classes: number;
  readonly flavour: Flavour;
}

/**
 * FCOS's two towers and their prediction layers, `cls`, `reg` and `centerness`, under torchvision's names. Needs
 * neither backbone nor neck.
 */
export function buildFcosHead({ classes, flavour, centerness, normOnBbox, ...options }: HeadOptions): DenseHead {
  return buildDenseHead({
    ...options,
    detector: 'fcos',
    branches: fcosBranches({ classes, flavour, centerness, normOnBbox }),
  });
}

/**
 * Scales of the levels and the `reg` map: torchvision has ReLU, distances in sizes of the level; mmdetection a trained
 * scale a
 * level, then exp, distances in pixels, or with `normOnBbox` ReLU, distances in strides while training and in pixels
 * otherwise.
 */
export function fcosBranches({
  classes,
  flavour,
  centerness,
  normOnBbox,
}: Pick<HeadOptions, 'classes' | 'flavour' | 'centerness' | 'normOnBbox'>): Record<'cls' | 'reg', DenseBranch> {
  // Convolution, norm and ReLU of a block lie side by side in torchvision's list of modules.
  const block = (path: string) => (i: number) => ({
    conv: `${path}.conv.${3 * i}`,
    norm: `${path}.conv.${3 * i + 1}`,
    tap: `${path}.conv.${3 * i + 2}`,
  });
  const paths = { cls: 'head.classification_head', reg: 'head.regression_head' } as const;
  const reg: DenseOutput = {
    layer: `${paths.reg}.bbox_reg`,
    channels: 4,
    ...(flavour === 'mmdet' && { scales: `${paths.reg}.scales` }),
    activate: flavour === 'mmdet' && !normOnBbox ? 'exp' : 'relu',
    timesStride: flavour === 'mmdet' && normOnBbox,
  };
  const cls: DenseOutput = {
    layer: `${paths.cls}.cls_logits`,
    channels: classes,
    bias: -Math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY),
  };
  const quality = { centerness: { layer: `${paths[centerness]}.bbox_ctrness`, channels: 1 } };
  return {
    cls: { block: block(paths.cls), outputs: { cls, ...(centerness === 'cls' && quality) } },
    reg: { block: block(paths.reg), outputs: { reg, ...(centerness === 'reg' && quality) } },
  };
}
