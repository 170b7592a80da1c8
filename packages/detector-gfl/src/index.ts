import { API_VERSION, defineDetector } from '@kd/core';
import { resnets, withStored } from '@kd/vision';
import { createAtss } from './atss.js';
import { createGfl } from './gfl.js';
import {
  type AtssInput,
  type AtssOptions,
  atssSchema,
  type GflInput,
  type GflOptions,
  gflSchema,
  resolveConfig,
} from './options.js';

/** ATSS: `atss({ backbone: 'resnet18' })` in a config. */
export const atss = defineDetector<AtssOptions, AtssInput>({
  name: 'atss',
  apiVersion: API_VERSION,
  options: atssSchema,
  backbones: resnets,
  withStored,
  create: (options, context) => createAtss(resolveConfig(options), context),
});

/** GFL: `gfl({ backbone: 'resnet18' })` in a config. */
export const gfl = defineDetector<GflOptions, GflInput>({
  name: 'gfl',
  apiVersion: API_VERSION,
  options: gflSchema,
  backbones: resnets,
  withStored,
  create: (options, context) => createGfl(resolveConfig(options), context),
});

export default gfl;
export { type AtssDetector, createAtss } from './atss.js';
export { createGfl, type GflDetector } from './gfl.js';
export { type AtssHeadOptions, buildAtssHead, buildGflHead, type GflHeadOptions } from './head.js';
export {
  type AtssConfig,
  type AtssInput,
  type AtssOptions,
  type GflConfig,
  type GflInput,
  type GflOptions,
  resolveConfig,
} from './options.js';
