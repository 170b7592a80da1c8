import { defineConfig } from '@kd/core';
import plainConfig from './plain.config.js';
import pooled from './pooled.js';

/** A network of a few channels taught by two teachers that are no detectors, of inputs of their own. Two steps. */
const input = (size: number) => ({
  fixedSize: [size, size] as [number, number],
  mean: [0.5, 0.5, 0.5] as [number, number, number],
  std: [0.2, 0.2, 0.2] as [number, number, number],
});

export default defineConfig({
  ...plainConfig,
  teachers: { near: pooled({ input: input(64) }), far: pooled({ input: input(112), taps: ['c4'] }) },
  distillers: [
    ['pkd', { adapter: 'conv1x1', teacher: 'near' }],
    ['fitnets', { teacher: 'far' }],
  ],
});
