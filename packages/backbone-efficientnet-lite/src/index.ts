import { API_VERSION, defineBackbone } from '@kd/core';
import { strictOptions } from '@kd/vision';
import * as v from 'valibot';
import { buildLite, VERSIONS } from './lite.js';

const options = strictOptions({
  /** 0 to 4, each wider or deeper than the one before it. */
  version: v.optional(v.picklist([0, 1, 2, 3, 4], 'must be 0, 1, 2, 3 or 4'), 0),
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
  create: ({ version }, context) => buildLite(VERSIONS[version], context),
});
export default efficientnetLite;
