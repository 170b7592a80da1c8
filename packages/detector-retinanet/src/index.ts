import { API_VERSION, defineDetector } from '@kd/core';
import { resnets, withStoredFlavour } from '@kd/vision';
import { createRetinaNet } from './detector.js';
import { resolveConfig, type RetinaNetInput, type RetinaNetOptions, schema } from './options.js';

/** RetinaNet: `retinanet({ backbone: 'resnet18' })` in a config. */
export const retinanet = defineDetector<RetinaNetOptions, RetinaNetInput>({
  name: 'retinanet',
  apiVersion: API_VERSION,
  options: schema,
  backbones: resnets,
  withStored: withStoredFlavour,
  create: (options, context) => createRetinaNet(resolveConfig(options), context),
});

export default retinanet;
export { createRetinaNet, type RetinaNetDetector } from './detector.js';
export { buildRetinaHead, type HeadOptions } from './head.js';
export { resolveConfig, type RetinaNetConfig, type RetinaNetInput, type RetinaNetOptions } from './options.js';
