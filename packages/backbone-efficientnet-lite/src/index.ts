import { API_VERSION, defineBackbone } from '@kd/core';
import { strictOptions } from '@kd/vision';
import * as v from 'valibot';
import { buildLite, VERSIONS } from './lite.js';

const options = strictOptions({
  /** 0 to 4, each wider or deeper than the one before it. */
  version: v.optional(v.picklist([0, 1, 2, 3, 4], 'must be 0, 1, 2, 3 or 4'), 0),
  /**
   * Share of the batch in the running statistics of a live norm, as torch counts it. The published 0.01 is for long
   * trainings: after a few hundred steps the statistics still lag behind.
   */
  momentum: v.optional(
    v.pipe(v.number(), v.gtValue(0, 'must be greater than 0'), v.maxValue(1, 'must be at most 1')),
    0.01,
  ),
});

export type EfficientNetLiteInput = v.InferInput<typeof options>;
export type EfficientNetLiteOptions = v.InferOutput<typeof options>;

/** EfficientNet-Lite: `backbone: ['efficientnet-lite', { version: 0 }]` in the options of a detector. */
export const efficientnetLite = defineBackbone<EfficientNetLiteOptions, EfficientNetLiteInput>({
  name: 'efficientnet-lite',
  apiVersion: API_VERSION,
  options,
  trainableLayers: 5,
  norm: { epsilon: 1e-3, momentum: 0.01 },
  create: ({ version, momentum }, context) =>
    buildLite(VERSIONS[version], { ...context, norm: { ...context.norm, momentum } }),
});
export default efficientnetLite;
