import { API_VERSION, defineDetector } from '@kd/core';
import { resnets, withStoredFlavour } from '@kd/vision';
import { createCascadeRcnn } from './cascade.js';
import { type CascadeRcnnInput, type CascadeRcnnOptions, cascadeSchema, resolveCascade } from './cascade-options.js';
import { createFasterRcnn } from './detector.js';
import { type FasterRcnnInput, type FasterRcnnOptions, resolveConfig, schema } from './options.js';

/** Faster R-CNN: `fasterRcnn({ backbone: 'resnet18' })` in a config. */
export const fasterRcnn = defineDetector<FasterRcnnOptions, FasterRcnnInput>({
  name: 'faster-rcnn',
  apiVersion: API_VERSION,
  options: schema,
  backbones: resnets,
  withStored: withStoredFlavour,
  create: (options, context) => createFasterRcnn(resolveConfig(options), context),
});

/** Cascade R-CNN: `cascadeRcnn({ backbone: 'resnet18' })` in a config. */
export const cascadeRcnn = defineDetector<CascadeRcnnOptions, CascadeRcnnInput>({
  name: 'cascade-rcnn',
  apiVersion: API_VERSION,
  options: cascadeSchema,
  backbones: resnets,
  withStored: withStoredFlavour,
  create: (options, context) => createCascadeRcnn(resolveCascade(options), context),
});

export default fasterRcnn;
export { type CascadeRcnnDetector, createCascadeRcnn } from './cascade.js';
export {
  type CascadeRcnnConfig,
  type CascadeRcnnInput,
  type CascadeRcnnOptions,
  resolveCascade,
} from './cascade-options.js';
export { createFasterRcnn, type FasterRcnnDetector, type FasterRcnnParts } from './detector.js';
export { type FasterRcnnConfig, type FasterRcnnInput, type FasterRcnnOptions, resolveConfig } from './options.js';
export type { Proposals } from './proposals.js';
export { randomRows, type SampleCandidates, type SampleRows, type SampleSize } from './sampler.js';
