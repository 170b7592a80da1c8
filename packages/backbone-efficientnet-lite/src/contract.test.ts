import { testBackbone } from '@kd/testing';
import { buildBackbone } from '@kd/vision';
import { expect, it } from 'vitest';
import { namedEngine } from '../../../tests/named-engine.js';
import { efficientnetLite } from './index.js';
import { blocksOf, VERSIONS } from './lite.js';

testBackbone(efficientnetLite, { engine: await namedEngine(), norms: ['frozen', 'live'] });

// Counted by PyTorch in efficientnet_lite_pytorch 0.1.0, without the head and the classifier.
it.each([
  [0, 16, [16, 24, 40, 112, 320], 2_958_848],
  [1, 21, [16, 24, 40, 112, 320], 3_723_520],
  [2, 21, [16, 24, 48, 120, 352], 4_357_952],
  [3, 24, [24, 32, 48, 136, 384], 6_422_016],
  [4, 30, [24, 32, 56, 160, 448], 11_149_568],
] as const)('version %d has %d blocks, stages of %j channels and %d parameters', (version, blocks, channels, size) => {
  expect(blocksOf(VERSIONS[version])).toHaveLength(blocks);
  const { layers, stages } = buildBackbone(
    { definition: efficientnetLite.definition as never, options: { version } },
    { path: 'b', seed: 0, norm: { kind: 'live', epsilon: 1e-3 }, trainableLayers: 5, strides: [2, 4, 8, 16, 32] },
  );
  expect(stages.map((stage) => stage.channels)).toEqual(channels);
  const trained = layers.flatMap((layer) => layer.trainableWeights);
  expect(trained.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product! * side!, 1)!, 0)).toBe(size);
  for (const layer of layers) layer.dispose();
});
