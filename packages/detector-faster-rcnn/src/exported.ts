import type { ExportedNetwork, TwoStageDetections } from '@kd/core';
import type { MultiScaleOptions } from '@kd/vision';
import type { BoxHead } from './box-head.js';
import type { DeltaCode } from './delta-code.js';
import type { FirstStage } from './first-stage.js';
import type { FasterRcnnConfig } from './options.js';

export interface ExportedParts {
  readonly stage: Pick<FirstStage, 'exported'>;
  /** Box heads, one a stage, and the codes of their boxes. */
  readonly heads: readonly BoxHead[];
  readonly codes: readonly DeltaCode[];
  readonly classAgnostic: boolean;
  readonly classes: number;
  readonly pooling: Omit<MultiScaleOptions, 'imageSizes' | 'outputSize'> & { readonly outputSize: number };
  readonly post: FasterRcnnConfig['post'];
  readonly minSide?: number | undefined;
}

/** What a two-stage detector is for other programs. */
export function exportedNetwork({
  stage,
  heads,
  codes,
  classAgnostic,
  classes,
  pooling,
  post,
  minSide,
}: ExportedParts): ExportedNetwork & { readonly detections: TwoStageDetections } {
  const { levels, proposals, ...network } = stage.exported();
  const { outputSize, samplingRatio, aligned, strides = null, canonicalScale, canonicalLevel } = pooling;
  return {
    ...network,
    regions: { levels, heads: heads.map((head) => head.symbolic()) },
    detections: {
      kind: 'two-stage',
      classes,
      proposals,
      pooling: { outputSize, samplingRatio, aligned, strides, canonicalScale, canonicalLevel },
      stages: codes.map((boxes) => ({ boxes, classAgnostic })),
      ...post,
      ...(minSide !== undefined && { minSide }),
    },
  };
}
