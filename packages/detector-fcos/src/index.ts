import { API_VERSION, defineDetector } from '@kd/core';
import { resnets, withStoredFlavour } from '@kd/vision';
import { createFcos } from './detector.js';
import { type FcosInput, type FcosOptions, resolveConfig, schema } from './options.js';

/** FCOS: `fcos({ backbone: 'resnet18' })` in a config. */
export const fcos = defineDetector<FcosOptions, FcosInput>({
  name: 'fcos',
  apiVersion: API_VERSION,
  options: schema,
  backbones: resnets,
  withStored: withStoredFlavour,
  create: (options, context) => createFcos(resolveConfig(options), context),
});

export default fcos;
export { assignFcos, assignPoints, type AssignOptions, centernessOf } from './assign.js';
export { createFcos, type FcosDetector } from './detector.js';
export { buildFcosHead, type HeadOptions } from './head.js';
export {
  defaultRanges,
  type FcosConfig,
  type FcosInput,
  type FcosOptions,
  type Flavour,
  type Range,
  resolveConfig,
} from './options.js';
export { pointGrid } from './points.js';
