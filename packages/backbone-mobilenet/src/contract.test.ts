import { testBackbone } from '@kd/testing';
import { divisible } from '@kd/vision';
import { expect, it } from 'vitest';
import { namedEngine } from '../../../tests/named-engine.js';
import { partsOf } from './features.js';
import { mobilenetV2, mobilenetV3Large, mobilenetV3Small } from './index.js';
import { v2Features } from './v2.js';
import { V3, v3Features } from './v3.js';

const engine = await namedEngine();
testBackbone(mobilenetV2, { engine, options: { width: 0.1 } });
testBackbone(mobilenetV3Large, { engine, options: { width: 0.1 }, norms: ['live'] });
testBackbone(mobilenetV3Small, { engine, options: { width: 0.1 }, norms: ['frozen', 'live'] });

it.each([
  [32 * 0.35, 16],
  [16, 16],
  [24 * 0.75, 24],
  [3, 8],
  [1280 * 1.4, 1792],
])('makes %d channels %d', (channels, expected) => {
  expect(divisible(channels)).toBe(expected);
});

it("freezes as torchvision's detectors do, from one module with a stride to the next", () => {
  const norm = { kind: 'frozen', epsilon: 1e-3, momentum: 0.01 } as const;
  const starts = (features: Parameters<typeof partsOf>[0]) => partsOf(features).map(([first]) => first);
  expect(starts(v2Features(1, norm))).toEqual(['18', '14', '7', '4', '2', '0']);
  expect(starts(v3Features(V3.large, 1, norm))).toEqual(['16', '13', '7', '4', '2', '0']);
  expect(starts(v3Features(V3.small, 1, norm))).toEqual(['12', '9', '4', '2', '1', '0']);
  expect(partsOf(v3Features(V3.small, 1, norm)).flat()).toHaveLength(13);
});
