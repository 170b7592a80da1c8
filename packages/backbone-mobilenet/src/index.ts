import { API_VERSION, defineBackbone } from '@kd/core';
import { strictOptions } from '@kd/vision';
import * as v from 'valibot';
import { buildFeatures } from './features.js';
import { v2Features } from './v2.js';
import { V3, v3Features } from './v3.js';

const options = strictOptions({
  /** Factor of all channels. */
  width: v.optional(
    v.pipe(v.number(), v.gtValue(0, 'must be greater than 0'), v.maxValue(16, 'must be at most 16')),
    1,
  ),
});

export type MobileNetInput = v.InferInput<typeof options>;
export type MobileNetOptions = v.InferOutput<typeof options>;

const shared = { apiVersion: API_VERSION, options, trainableLayers: 6 };

/** MobileNetV2: `backbone: ['mobilenet-v2', { width: 0.5 }]` in the options of a detector. */
export const mobilenetV2 = defineBackbone<MobileNetOptions, MobileNetInput>({
  ...shared,
  name: 'mobilenet-v2',
  create: ({ width }, context) => buildFeatures(v2Features(width, context.norm), context),
});

const v3 = (size: keyof typeof V3) =>
  defineBackbone<MobileNetOptions, MobileNetInput>({
    ...shared,
    name: `mobilenet-v3-${size}`,
    norm: { epsilon: 1e-3, momentum: 0.01 },
    create: ({ width }, context) => buildFeatures(v3Features(V3[size], width, context.norm), context),
  });

export const mobilenetV3Large = v3('large');
export const mobilenetV3Small = v3('small');
